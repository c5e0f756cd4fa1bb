// Reads this repository's Markdown: fenced blocks, headings, links, tables.
import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import { root, textOf } from './sources';

const NOT_OURS = /^(node_modules|build|dist|prebuilds|coverage|\..*)$/;

function markdownBelow(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.test(entry.name) ? [] : markdownBelow(name);
    return entry.name.endsWith('.md') ? [name] : [];
  });
}

/** All Markdown files of the repository, relative to it. */
export const documents = markdownBelow('.').sort();

/** A fenced block, or an indented one, whose `language` is then undefined. */
export interface Block {
  readonly document: string;
  /** Of the line behind the fence, from 1. */
  readonly line: number;
  readonly language: string | undefined;
  readonly code: string;
}

/** All code blocks of a document. An unclosed fence goes to its end, and its language shows. */
export function blocksOf(document: string): Block[] {
  const blocks: Block[] = [];
  const lines = textOf(document).split('\n');
  for (let at = 0; at < lines.length; at++) {
    const fence = /^( *)(```+)(.*)$/.exec(lines[at]!);
    const isIndented = /^ {4}\S/.test(lines[at]!) && lines[at - 1]?.trim() === '';
    if (fence === null && !isIndented) continue;
    const [, indent = '', marks = '', language = ''] = fence ?? [];
    const first = fence === null ? at : at + 1;
    const isEnd = (line: string): boolean =>
      fence === null ? /^ {0,3}\S/.test(line) : line === indent + marks;
    let end = first;
    while (end < lines.length && !isEnd(lines[end]!)) end++;
    const code = lines.slice(first, end).map((line) => line.slice(indent.length));
    blocks.push({
      document,
      line: first + 1,
      language: fence === null ? undefined : language,
      code: code.map((line) => `${line}\n`).join(''),
    });
    at = end;
  }
  return blocks;
}

/** The document's text without its blocks. */
export function proseOf(document: string): string {
  const lines = textOf(document).split('\n');
  for (const { line, code } of blocksOf(document))
    lines.fill('', line - 1, line - 2 + code.split('\n').length);
  return lines.join('\n');
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchorsOf(document: string): string[] {
  const seen = new Map<string, number>();
  return [...proseOf(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

/** The targets of a document's links and pictures. */
export const linksOf = (document: string): string[] =>
  [...proseOf(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
