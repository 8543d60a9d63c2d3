/**
 * The fenced blocks of a Markdown text, in order. `kind` is the first word after the fence, `name` the second
 * (a file name or a note), `line` where the block begins, counted from 1.
 */
export function readBlocks(markdown) {
  const blocks = [];
  let open;
  markdown.split('\n').forEach((line, index) => {
    const fence = /^(\s*)(`{3,})(.*)$/.exec(line);
    if (!open && fence) {
      const [kind = '', name] = fence[3].trim().split(/\s+/);
      open = { kind, name, line: index + 1, indent: fence[1].length, fence: fence[2], lines: [] };
    } else if (open && fence && fence[2] === open.fence && fence[3].trim() === '') {
      const { lines, indent, fence: _, ...block } = open;
      blocks.push({ ...block, text: `${lines.map((one) => one.slice(indent)).join('\n')}\n` });
      open = undefined;
    } else open?.lines.push(line);
  });
  if (open) throw new Error(`the block of line ${open.line} never ends`);
  return blocks;
}
