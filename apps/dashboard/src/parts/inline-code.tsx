/** A sentence of the service in which backticks mark code, the only Markdown it uses there. */
export function InlineCode({ text }: { text: string }) {
  return (
    <>
      {text.split('`').map((part, at) => {
        const key = `${at} ${part}`;
        return at % 2 === 1 ? <code key={key}>{part}</code> : <span key={key}>{part}</span>;
      })}
    </>
  );
}
