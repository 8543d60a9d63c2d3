import { problems } from '@scion/contracts';
import { problemType } from './http/problem-document.js';

/** docs/problems.md: the catalogue for readers. */
export function renderProblemsPage(): string {
  const rows = Object.entries<{ status: number; title: string; remedy: string; retryable?: boolean }>(
    problems,
  );
  const statuses = [...new Set(rows.map(([, { status }]) => status))].sort((a, b) => a - b);
  const sections = statuses.map((status) => {
    const entries = rows
      .filter(([, row]) => row.status === status)
      .map(([code, { title, remedy, retryable }]) => {
        const again = retryable ? ' The same request may succeed later.' : '';
        return `### \`${code}\`\n\n${title}. ${remedy}${again}\n`;
      });
    return `## ${status}\n\n${entries.join('\n')}`;
  });
  return `# Problems

Every error is a problem document (RFC 9457, \`application/problem+json\`) with \`type\`, \`title\`, \`status\`, \`detail\`,
\`instance\`, \`code\` and \`requestId\`; \`errors\` lists each fault of a request with its place. \`code\` is what programs
should look at. \`type\` is \`${problemType('<code>')}\`, where a running API explains the problem as this page does.

This page is generated from the catalogue in \`packages/contracts/src/errors.ts\` by \`npm run problems -w @scion/api\`.

${sections.join('\n')}`;
}
