/** The whole of standard input. */
export async function readAll(stdin: NodeJS.ReadStream): Promise<string> {
  stdin.setEncoding('utf8');
  let text = '';
  for await (const part of stdin) text += part;
  return text;
}
