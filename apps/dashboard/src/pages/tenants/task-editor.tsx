import type { Client, Task, TaskSpec } from '@scion/sdk';
import { isScionError } from '@scion/sdk';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from '../../parts/dialog.js';
import type { Scope } from '../../scope.js';

interface TaskEditorProps {
  /** Undefined makes a new one. */
  task: Task | undefined;
  scope: Scope;
  onDone(): void;
  onClose(): void;
}

const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

const untrainedUsers: Record<Task['untrained'], string> = {
  error: 'is refused with 409',
  'zero-shot': 'gets the label whose name lies nearest',
  majority: 'gets their most frequent label',
};

/** Creates a task or replaces its settings. Faults are told beside their field before anything is sent. */
export function TaskEditor({ task, scope, onDone, onClose }: TaskEditorProps) {
  const [name, setName] = useState(task?.name ?? '');
  const [labels, setLabels] = useState(task?.labels?.join('\n') ?? '');
  const [untrained, setUntrained] = useState(task?.untrained ?? 'error');
  const [abstain, setAbstain] = useState(percentText(task?.abstainBelow ?? 0));
  const [least, setLeast] = useState(String(task?.minExamplesPerLabel ?? 2));
  const [after, setAfter] = useState(String(task?.retrain?.afterExamples ?? ''));
  const [nightly, setNightly] = useState(task?.retrain?.nightly ?? false);
  const [touched, setTouched] = useState(false);
  const [refused, setRefused] = useState<Record<string, string>>({});

  const list = labels
    .split('\n')
    .map((label) => label.trim())
    .filter(Boolean);
  const faults: Record<string, string | undefined> = {
    name: namePattern.test(name)
      ? undefined
      : 'Lower-case letters, digits and hyphens; at most 63 characters.',
    labels: labelFault(list, untrained),
    abstainBelow: within(abstain, 0, 100) ? undefined : 'Between 0 and 100 %.',
    minExamplesPerLabel: whole(least, 2, 1000) ? undefined : 'A whole number from 2 to 1,000.',
    retrain: after === '' || whole(after, 1, 20_000) ? undefined : 'A whole number from 1 to 20,000.',
  };
  const shown = (field: string) => (touched ? faults[field] : undefined) ?? refused[field];
  const blocked = touched && Object.values(faults).some(Boolean);

  const save = async () => {
    setTouched(true);
    setRefused({});
    if (Object.values(faults).some(Boolean)) return 'stay';
    const { afterExamples: _, nightly: __, ...notShown } = task?.retrain ?? {};
    const retrain = {
      ...notShown,
      ...(after !== '' && { afterExamples: Number(after) }),
      ...(nightly && { nightly }),
    };
    const spec: TaskSpec = {
      ...settingsOf(task),
      ...(list.length > 0 && { labels: list }),
      untrained,
      abstainBelow: Number(abstain) / 100,
      minExamplesPerLabel: Number(least),
      ...(Object.keys(retrain).length > 0 && { retrain }),
    };
    if (!task && (await isTaken(name, scope.client))) {
      setRefused({ name: 'A task of this name is there already: edit that one, or choose another name.' });
      return 'stay';
    }
    try {
      await scope.client.tasks.put(name, spec);
    } catch (error) {
      if (isScionError(error)) setRefused(byField(error.errors));
      throw error;
    }
    onDone();
    return undefined;
  };

  return (
    <Dialog
      title={task ? `Task ${task.name}` : 'New task'}
      submit="Save"
      leave="Cancel"
      blocked={blocked}
      onSubmit={save}
      onClose={onClose}
    >
      {!task && (
        <Field name="Name" fault={shown('name')} hint="As it stands in addresses, e.g. inbox-triage">
          <input
            value={name}
            spellcheck={false}
            aria-invalid={shown('name') !== undefined}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </Field>
      )}
      <Field
        name="Labels, one a line"
        fault={shown('labels')}
        hint="Left empty, each user’s labels are those of their examples"
      >
        <textarea
          rows={4}
          value={labels}
          spellcheck={false}
          aria-invalid={shown('labels') !== undefined}
          onInput={(event) => setLabels(event.currentTarget.value)}
        />
      </Field>
      <Field name="A user without a model" fault={undefined}>
        <select
          value={untrained}
          onChange={(event) => setUntrained(event.currentTarget.value as Task['untrained'])}
        >
          {Object.entries(untrainedUsers).map(([value, shown]) => (
            <option key={value} value={value}>
              {shown}
            </option>
          ))}
        </select>
      </Field>
      <div class="form-row">
        <Field name="Abstain below, %" fault={shown('abstainBelow')}>
          <input
            inputMode="decimal"
            value={abstain}
            aria-invalid={shown('abstainBelow') !== undefined}
            onInput={(event) => setAbstain(event.currentTarget.value)}
          />
        </Field>
        <Field name="Least examples a label" fault={shown('minExamplesPerLabel')}>
          <input
            inputMode="numeric"
            value={least}
            aria-invalid={shown('minExamplesPerLabel') !== undefined}
            onInput={(event) => setLeast(event.currentTarget.value)}
          />
        </Field>
        <Field name="Retrain after, examples" fault={shown('retrain')}>
          <input
            inputMode="numeric"
            placeholder="never"
            value={after}
            aria-invalid={shown('retrain') !== undefined}
            onInput={(event) => setAfter(event.currentTarget.value)}
          />
        </Field>
      </div>
      <div class="checks">
        <label>
          <input
            type="checkbox"
            checked={nightly}
            onChange={(event) => setNightly(event.currentTarget.checked)}
          />
          Retrain each night who has new examples
        </label>
      </div>
    </Dialog>
  );
}

/** Asked before a new task is put: under a name that is taken, a PUT replaces what stands there. */
async function isTaken(name: string, client: Client): Promise<boolean> {
  try {
    await client.tasks.get(name);
    return true;
  } catch (error) {
    if (isScionError(error, 'task_not_found')) return false;
    throw error;
  }
}

/** What this editor does not show, and must not lose: a task is replaced as a whole. */
function settingsOf(task: Task | undefined): TaskSpec {
  if (!task) return {};
  const {
    name: _,
    base: __,
    createdAt: ___,
    updatedAt: ____,
    labels: _____,
    retrain: ______,
    ...kept
  } = task;
  return kept;
}

interface FieldProps {
  name: string;
  fault: string | undefined;
  hint?: string;
  children: ComponentChildren;
}

function Field({ name, fault, hint, children }: FieldProps) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children
    <label class="form-field">
      <span class="form-name">{name}</span>
      {children}
      {fault ? (
        <span class="field-problem" role="alert">
          {fault}
        </span>
      ) : (
        hint && <span class="form-hint">{hint}</span>
      )}
    </label>
  );
}

function labelFault(labels: string[], untrained: Task['untrained']): string | undefined {
  if (new Set(labels).size < labels.length) return 'A label stands twice.';
  if (labels.length === 1) return 'One label leaves nothing to decide: give two or none.';
  if (labels.length === 0 && untrained === 'zero-shot')
    return 'The nearest label name needs names to choose from.';
  if (labels.some((label) => label.length > 200)) return 'A label has at most 200 characters.';
  return labels.length > 500 ? 'At most 500 labels.' : undefined;
}

/** 0.07 times 100 is a little more than 7. */
const percentText = (share: number) => String(Number((share * 100).toPrecision(12)));

const within = (text: string, least: number, most: number) =>
  text.trim() !== '' && Number(text) >= least && Number(text) <= most;
const whole = (text: string, least: number, most: number) =>
  within(text, least, most) && Number.isInteger(Number(text));

/** What the service refused, by the field it is about. */
function byField(errors: readonly { path: string; message: string }[]): Record<string, string> {
  return Object.fromEntries(errors.map(({ path, message }) => [path.split('/')[1] ?? '', message]));
}
