import { useState } from 'preact/hooks';
import { CheckIcon, CopyIcon } from './icons.js';

/** A long value, shown short, that one press puts on the clipboard. */
export function Copyable({ value, shown = value, what }: { value: string; shown?: string; what: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    // Absent on plain HTTP other than localhost; the title still holds the whole value.
    await navigator.clipboard?.writeText(value).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    });
  };
  return (
    <button type="button" class="copyable" title={value} onClick={copy}>
      <span class="hidden-text">Copy {what} </span>
      <code>{shown}</code>
      {copied ? <CheckIcon /> : <CopyIcon />}
    </button>
  );
}

/** A command to paste. */
export function Command({ children }: { children: string }) {
  return (
    <div class="command">
      <pre>{children}</pre>
      <Copyable value={children} shown="Copy" what="the command" />
    </div>
  );
}

/** Hands a text or bytes to the browser as a download. */
export function saveFile(name: string, type: string, content: string | Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
