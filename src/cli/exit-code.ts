/**
 * The exit codes of the command. `main.ts` exits with 3 on a Node that is too old; it cannot import this file there.
 *
 * - `done` (0): the command succeeded, or printed its help or version.
 * - `failed` (1): the command failed, or found a problem.
 * - `usage` (2): the command line is wrong; nothing was started.
 * - `interrupted` (130): stopped by SIGINT, such as by Ctrl-C.
 * - `broken-pipe` (141): the reader of the output closed it, such as `head`.
 * - `terminated` (143): stopped by SIGTERM.
 */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  usage: 2,
  interrupted: 130,
  'broken-pipe': 141,
  terminated: 143,
} as const

/** The exit codes as text, for `--help`. */
export const EXIT_CODE_HELP = `Exit codes:
  0    done
  1    failed, or a problem was found
  2    wrong command line; nothing was started
  3    this Node is too old
  130  stopped by SIGINT (Ctrl-C)
  141  the reader of the output closed it
  143  stopped by SIGTERM`
