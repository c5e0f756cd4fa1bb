// Tables in Markdown.

/** Words to the left, figures, which are in the columns behind the first few, to the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  wordColumns = 1,
): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  const rule = head.map((_, column) => (column < wordColumns ? '---' : '--:'));
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

function escapeCell(text: string): string {
  return text.replace(/\|/g, '\\|').replace(/\n/g, ' ');
}
