interface ChoiceProps<T extends string> {
  /** What is chosen, e.g. `Time range`. */
  label: string;
  options: readonly (readonly [value: T, shown: string])[];
  value: T;
  onChoose(value: T): void;
}

/** A few alternatives side by side, one of them chosen: radio buttons, so that the arrow keys work as everywhere. */
export function Choice<T extends string>({ label, options, value, onChoose }: ChoiceProps<T>) {
  return (
    <fieldset class="choice">
      <legend class="hidden-text">{label}</legend>
      {options.map(([option, shown]) => (
        <label key={option}>
          <input
            type="radio"
            name={label}
            value={option}
            checked={option === value}
            onChange={() => onChoose(option)}
          />
          <span>{shown}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface SwitchProps {
  label: string;
  on: boolean;
  onChange(on: boolean): void;
}

export function Switch({ label, on, onChange }: SwitchProps) {
  return (
    <button type="button" class="switch" role="switch" aria-checked={on} onClick={() => onChange(!on)}>
      {label}
    </button>
  );
}
