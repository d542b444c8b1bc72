import type { Row } from './benchmark.ts'

/** The rows as a Markdown table, for the terminal and for bench/README.md. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(({ what, ours, goal = '', isMet, floor = '', peers = {} }) => [
    what,
    ours,
    goal,
    isMet === undefined ? '' : isMet ? 'pass' : 'FAIL',
    floor,
    Object.entries(peers)
      .map(([name, figure]) => `${name} ${figure}`)
      .join(', '),
  ])
  const lines = [['measured', 'ours', 'goal', '', 'floor', 'others'], Array.from({ length: 6 }, () => '---'), ...cells]
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}
