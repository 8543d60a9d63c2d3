/** As much of JSON Schema as the document uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
}

/** `string`, `Job[]`, `"a" \| "b"`, `{ [name]: number }`: a type as TypeScript would write it, in Markdown. */
export function typeText(schema: Schema): string {
  if (schema.$ref) {
    const name = schema.$ref.replace('#/components/schemas/', '');
    return `[${name}](#schema-${name})`;
  }
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(' or ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.anyOf) return schema.anyOf.map(typeText).join(' or ');
  if (isPage(schema)) return `page of ${typeText(schema.properties?.data?.items ?? {})}`;
  if (schema.type === 'array') return `list of ${typeText(schema.items ?? {})}`;
  const values = valuesOf(schema);
  if (values) return `object, each value ${typeText(values)}`;
  return [schema.type ?? 'anything'].flat().join(' or ');
}

/** What every list answers: `data` and `nextCursor`. */
export const isPage = ({ properties }: Schema): boolean =>
  Object.keys(properties ?? {}).join() === 'data,nextCursor';

/** Of an object whose member names are free: the schema of its values. */
function valuesOf({ patternProperties, additionalProperties }: Schema): Schema | undefined {
  const [values] = Object.values(patternProperties ?? {});
  return values ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
}

/** `1 to 100`, `at most 63 characters`, `default 0`: what a value must keep to. */
export function boundsText(schema: Schema): string {
  return [
    range(schema.minimum, schema.maximum, ''),
    schema.exclusiveMinimum === undefined ? '' : `above ${schema.exclusiveMinimum}`,
    range(undefined, schema.maxLength, ' characters'),
    range(schema.minItems, schema.maxItems, ' items'),
    schema.default === undefined ? '' : `default \`${JSON.stringify(schema.default)}\``,
  ]
    .filter(Boolean)
    .join('; ');
}

function range(from: number | undefined, to: number | undefined, unit: string): string {
  if (from !== undefined && to !== undefined) return `${from} to ${to}${unit}`;
  if (from !== undefined) return `at least ${from}${unit}`;
  return to === undefined ? '' : `at most ${to}${unit}`;
}

interface Row {
  name: string;
  schema: Schema;
  required: boolean;
}

/** A table of an object's members; those of objects inside it follow theirs as `outer.inner`. */
export function membersTable(schema: Schema): string {
  const rows = membersOf(schema, '');
  return rows.length === 0 ? '' : table(rows);
}

export function table(rows: readonly Row[]): string {
  const lines = rows.map(({ name, schema, required }) => {
    const bounds = boundsText(schema);
    const about = !schema.description
      ? bounds
      : bounds
        ? `${schema.description} (${bounds})`
        : schema.description;
    return `| \`${name}\` | ${typeText(schema)}${required ? '' : ', optional'} | ${cell(about)} |`;
  });
  return ['| name | type | meaning |', '|---|---|---|', ...lines].join('\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function membersOf(schema: Schema, prefix: string): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const path = `${prefix}${name}`;
    return [
      { name: path, schema: member, required: schema.required?.includes(name) ?? false },
      ...insideOf(member, path),
    ];
  });
}

/** Members of an object without a name of its own, be it in a list or one of several. */
function insideOf(member: Schema, path: string): Row[] {
  if (member.properties) return membersOf(member, `${path}.`);
  if (member.items?.properties) return membersOf(member.items, `${path}[].`);
  return (member.anyOf ?? []).flatMap((one) => insideOf(one, path));
}
