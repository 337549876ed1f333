import { z } from 'zod'
import { answerFiles, answerSearch } from '../engines/builtin-files.ts'
import { MAX_WRITTEN_BYTES } from '../workspace.ts'
import type { Workspace } from '../workspace.ts'
import { MAX_PATTERN_CHARS } from '../words.ts'
import { accountOf } from '../shown.ts'
import { defineTool } from './tool.ts'
import type { Tool } from './tool.ts'

/** Longest path, in UTF-16 units: that of Linux. */
const MAX_PATH_CHARS = 4_096

const MAX_QUERY_CHARS = 1_024

const path = z.string().min(1).max(MAX_PATH_CHARS).describe('relative to the workspace')
const text = z.string().max(MAX_WRITTEN_BYTES)

/** The tools for the files below the workspace, and for nothing beside them. */
export function fileTools(workspace: Workspace): Tool[] {
  return [
    defineTool({
      name: 'list_files',
      class: 'read',
      description: 'The files of the workspace. In a pattern, * is any run of characters.',
      input: z.strictObject({ pattern: z.string().max(MAX_PATTERN_CHARS).default('') }),
      what: ({ pattern }) => `list files ${pattern}`,
      run: async ({ pattern }, { signal }) =>
        found(await Array.fromAsync(answerFiles({ argument: pattern, signal, workspace }))),
    }),
    defineTool({
      name: 'read_file',
      class: 'read',
      description: 'The text of one file of the workspace.',
      input: z.strictObject({ path }),
      what: (input) => `read ${input.path}`,
      run: async (input) => ({
        text: await workspace.read(input.path),
        source: `the file ${input.path}`,
      }),
    }),
    defineTool({
      name: 'search_files',
      class: 'read',
      description: 'The lines of the text files of the workspace that hold all of some words.',
      input: z.strictObject({ words: z.string().max(MAX_QUERY_CHARS) }),
      what: ({ words }) => `search the files for ${words}`,
      run: async ({ words }, { signal }) =>
        found(await Array.fromAsync(answerSearch({ argument: words, signal, workspace }))),
    }),
    defineTool({
      name: 'write_file',
      class: 'write',
      description: 'Writes a whole file of the workspace, in the place of one that is there.',
      input: z.strictObject({ path, text }),
      what: (input) => `write ${input.path}, ${accountOf(input.text)}`,
      details: (input) => input.text,
      key: (input) => `write ${input.path}`,
      run: async (input) => {
        await workspace.write(input.path, input.text)
        return { text: 'Written.' }
      },
    }),
    defineTool({
      name: 'edit_file',
      class: 'write',
      description:
        'Replaces a piece of a file of the workspace. The piece has to stand in it exactly once.',
      input: z.strictObject({ path, before: text.min(1), after: text }),
      what: ({ after, before, path: place }) =>
        `change ${place}: ${accountOf(before)} becomes ${accountOf(after)}`,
      details: ({ after, before }) => `${marked('-', before)}\n${marked('+', after)}`,
      key: (input) => `change ${input.path}`,
      run: async (input) => {
        await workspace.edit(input.path, input.before, input.after)
        return { text: 'Changed.' }
      },
    }),
  ]
}

function marked(mark: string, lines: string): string {
  return lines.replace(/^/gmu, `${mark} `)
}

/** Names of files are as much from outside as what is in them. */
function found(lines: readonly string[]): { text: string; source: string } {
  return { text: lines.join(''), source: 'the workspace' }
}
