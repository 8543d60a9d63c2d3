import type { Task, TaskSpec } from '@scion/sdk';
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

/** Creates a task or replaces its settings. Faults are told beside their field before anything is sent. */
export function TaskEditor({ task, scope, onDone, onClose }: TaskEditorProps) {
  const [name, setName] = useState(task?.name ?? '');
  const [labels, setLabels] = useState(task?.labels?.join('\n') ?? '');
  const [untrained, setUntrained] = useState(task?.untrained ?? 'error');
  const [abstain, setAbstain] = useState(String((task?.abstainBelow ?? 0) * 100));
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
    const retrain = {
      ...task?.retrain,
      ...(after !== '' && { afterExamples: Number(after) }),
      nightly,
    };
    if (after === '') delete retrain.afterExamples;
    const spec: TaskSpec = {
      ...settingsOf(task),
      ...(list.length > 0 && { labels: list }),
      untrained,
      abstainBelow: Number(abstain) / 100,
      minExamplesPerLabel: Number(least),
      ...((after !== '' || nightly) && { retrain }),
    };
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
          <option value="error">is refused with 409</option>
          <option value="zero-shot">gets the label whose name lies nearest</option>
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

const within = (text: string, least: number, most: number) =>
  text.trim() !== '' && Number(text) >= least && Number(text) <= most;
const whole = (text: string, least: number, most: number) =>
  within(text, least, most) && Number.isInteger(Number(text));

/** What the service refused, by the field it is about. */
function byField(errors: readonly { path: string; message: string }[]): Record<string, string> {
  return Object.fromEntries(errors.map(({ path, message }) => [path.split('/')[1] ?? '', message]));
}
