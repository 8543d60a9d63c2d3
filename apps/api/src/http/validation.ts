import { AppError, type FieldError } from '@scion/contracts';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Value } from 'typebox/value';

/** More would only lengthen the answer. */
const maxFaults = 50;
/** A name that the caller made up is echoed no longer than this. */
const maxNameChars = 64;

const prefixes: Record<string, string> = { querystring: 'query', params: 'path', headers: 'header' };

/**
 * Fastify's validator over TypeBox. Bodies are taken as they are; queries and paths are converted and completed with
 * defaults. A failure is an AppError that lists every fault.
 */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart = 'body' }) => {
  const validator = Compile(schema);
  const prefix = prefixes[httpPart] ?? '';
  return (data: unknown) => {
    const value = httpPart === 'body' ? data : Value.Default(schema, withNumbers(schema, data));
    if (validator.Check(value)) return { value };
    const part = httpPart === 'body' ? 'body' : prefix;
    return { error: invalidRequest(part, toFaults(validator.Errors(value), prefix)) };
  };
};

export function invalidRequest(part: string, faults: FieldError[]): AppError {
  const [first] = faults;
  const what = first ? `${first.path || `the ${part}`} ${first.message}` : `the ${part} does not match`;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more, see errors)` : '';
  return new AppError('invalid_request', `${what}${more}`, { errors: faults });
}

/**
 * Queries and paths hold only strings. Those meant as numbers are converted where they are plain decimals: TypeBox's own
 * conversion would take `1.5` for the integer 1.
 */
function withNumbers(schema: TSchema, data: unknown): unknown {
  const properties = 'properties' in schema ? (schema.properties as Record<string, { type?: unknown }>) : {};
  return Object.fromEntries(
    Object.entries(data ?? {}).map(([name, value]) => {
      const { type } = (Object.hasOwn(properties, name) && properties[name]) || {};
      const numeric = type === 'integer' || type === 'number';
      const converted = numeric && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value);
      return [name, converted ? Number(value) : value];
    }),
  );
}

/** Faults with a JSON Pointer each, prefixed, and a message that says what is wanted instead. */
export function toFaults(errors: readonly TLocalizedValidationError[], prefix: string): FieldError[] {
  return errors.flatMap((error) => faultsOf(error, prefix)).slice(0, maxFaults);
}

function faultsOf(error: TLocalizedValidationError, prefix: string): FieldError[] {
  const path = prefix + error.instancePath;
  const at = (name: string) => `${path}/${escapePointer(name.slice(0, maxNameChars))}`;
  switch (error.keyword) {
    case 'boolean':
      return []; // Reported as additionalProperties, with the name.
    case 'additionalProperties':
      return error.params.additionalProperties.map((name) => ({
        path: at(name),
        message: 'is not known here; leave it out',
      }));
    case 'required':
      return error.params.requiredProperties.map((name) => ({ path: at(name), message: 'is missing' }));
    default:
      return [{ path, message: messageOf(error) }];
  }
}

function messageOf(error: TLocalizedValidationError): string {
  switch (error.keyword) {
    case 'type':
      return `must be ${[error.params.type].flat().map(withArticle).join(' or ')}`;
    case 'enum':
      return `must be one of ${error.params.allowedValues.join(', ')}`;
    case 'pattern':
      return `must match ${error.params.pattern}`;
    case 'format':
      return error.params.format === 'date-time'
        ? 'must be a time in RFC 3339, such as 2026-11-23T20:15:00.000Z'
        : `must be a valid ${error.params.format}`;
    case 'minLength':
      return error.params.limit === 1 ? 'must not be empty' : `needs ${error.params.limit} characters`;
    case 'maxLength':
      return `must have at most ${error.params.limit} characters`;
    case 'minItems':
      return error.params.limit === 1 ? 'must not be empty' : `needs ${error.params.limit} items`;
    case 'maxItems':
      return `must have at most ${error.params.limit} items`;
    case 'uniqueItems':
      return 'must not hold an item twice';
    default:
      return error.message;
  }
}

const articles: Record<string, string> = {
  null: 'null',
  array: 'an array',
  object: 'an object',
  integer: 'an integer',
};
const withArticle = (type: string): string => articles[type] ?? `a ${type}`;

/** RFC 6901 section 3. */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
