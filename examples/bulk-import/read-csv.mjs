/** Records of a CSV text (RFC 4180), by the names of the first line, each with the line it begins in. */
export async function* readCsv(chunks) {
  let names;
  for await (const { line, cells } of rowsOf(chunks)) {
    if (!names) names = cells;
    else yield { line, record: Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ''])) };
  }
}

async function* rowsOf(chunks) {
  let [cell, cells, quoted, closed] = ['', [], false, false];
  let [line, begunIn] = [1, 1];
  for await (const chunk of chunks) {
    for (const char of chunk) {
      if (char === '\n') line++;
      if (quoted) {
        if (char === '"') [quoted, closed] = [false, true];
        else cell += char;
      } else if (char === '"') {
        // A quote straight after a closing one is a quote of the text.
        if (closed) cell += '"';
        quoted = true;
      } else if (char === ',' || char === '\n') {
        cells.push(cell);
        cell = '';
        if (char === '\n') {
          if (cells.length > 1 || cells[0] !== '') yield { line: begunIn, cells };
          [cells, begunIn] = [[], line];
        }
      } else if (char !== '\r') cell += char;
      if (char !== '"') closed = false;
    }
  }
  if (cell !== '' || cells.length > 0) yield { line: begunIn, cells: [...cells, cell] };
}
