import { z } from 'zod'
import { nameSchema } from '../protocol/pin.ts'
import { strictMap } from '../protocol/strict-map.ts'
import { STANDARD_PRESETS } from '../protocol/verbs.ts'

/*
 * The section `agent` of config.yaml: what answers asks, with what, and within which limits. docs/configuration.md
 * has each key with its default and unit.
 */

/** Numbers come as text from the environment. Nothing else becomes one: `Number(true)` is 1, and of nothing 0. */
export const numberOf = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() !== '' ? Number(value) : value
export const atLeastOne = z.preprocess(numberOf, z.int().positive())
export const atLeastZero = z.preprocess(numberOf, z.number().nonnegative())
export const flag = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean(),
)
/** In the environment, a list is written with commas. */
export const list = z.union([z.array(z.string()), z.string().transform((text) => text.split(','))])

/** Where a secret is, which itself is in no config: `env:NAME`, `file:/path` or `credential:NAME`. */
const secretReference = z
  .string()
  .regex(/^(env:\w+|file:\/.+|credential:[\w.-]+)$/, 'say env:NAME, file:/path or credential:NAME')

/** `PROVIDER/MODEL`, where the name of the model may have slashes of its own. */
const modelName = z.string().regex(/^[a-z0-9][a-z0-9-]*\/\S+$/, 'say PROVIDER/MODEL')

const usd = z.preprocess(numberOf, z.number().nonnegative().max(1_000_000))

const toolName = z.string().min(1).max(128)

/** A program of the owner's that answers asks. */
const program = {
  /** The program and its arguments. */
  run: list.default([]),
  /** Least preset of an ask that it answers: what the program can do is its own affair. */
  needs: z.enum(STANDARD_PRESETS).default('full'),
  /** Names in the environment that it gets to see, beyond those that every program needs. */
  env: list.default([]),
}

const provider = strictMap({
  name: nameSchema,
  kind: z.enum(['openai-compatible', 'openai', 'anthropic', 'google', 'ollama']),
  url: z.exactOptional(z.url({ protocol: /^https?$/ })),
  key: z.exactOptional(secretReference),
  /** Which of its interfaces, for kind `openai`. */
  api: z.enum(['chat', 'responses']).default('chat'),
})

const mcpServer = strictMap({
  name: nameSchema,
  /** The program and its arguments, or an address. */
  run: z.exactOptional(z.array(z.string()).min(1)),
  url: z.exactOptional(z.url({ protocol: /^https?$/ })),
  env: z.array(z.string()).default([]),
  key: z.exactOptional(secretReference),
  /** The only tools of it that are offered. */
  tools: z.array(toolName).default([]),
  /** What its tools are taken for. */
  class: z.enum(['read', 'write', 'exec', 'network', 'spend']).default('exec'),
}).refine(({ run, url }) => (run === undefined) !== (url === undefined), 'needs either run or url')

export const agentSchema = strictMap({
  engine: z.enum(['builtin', 'model', 'command', 'acp']).default('builtin'),
  /** Asks that run at once, of all peers. */
  parallel: atLeastOne.default(4),
  /** Asks that wait, of all peers. */
  queue: atLeastOne.default(64),
  providers: unique(z.array(provider)).default([]),
  model: strictMap({
    /** Models by preference: the next one is tried when one fails. */
    use: list.pipe(z.array(modelName)).default([]),
    max_output_tokens: atLeastOne.default(4_096),
    max_steps: atLeastOne.default(24),
    max_tool_calls: atLeastOne.default(64),
    /** A history of more tokens than this is compacted. */
    context_tokens: atLeastOne.default(64_000),
    first_byte_seconds: atLeastOne.default(60),
    idle_seconds: atLeastOne.default(60),
  }).prefault({}),
  prices: z
    .array(
      strictMap({
        model: modelName,
        input_usd_per_million: usd,
        output_usd_per_million: usd,
      }),
    )
    .default([]),
  command: strictMap(program).prefault({}),
  acp: strictMap({
    ...program,
    /** For asks of the owner, the agent gets an MCP server by which it can ask peers. */
    mesh: flag.default(false),
  }).prefault({}),
  budget: strictMap({
    ask_usd: z.exactOptional(usd),
    ask_tokens: z.exactOptional(atLeastOne),
    daily_usd: z.exactOptional(usd),
    daily_tokens: z.exactOptional(atLeastOne),
  }).prefault({}),
  presets: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'a preset is a lower-case word'),
      strictMap({
        like: z.enum(STANDARD_PRESETS),
        without: z.exactOptional(z.array(toolName)),
        only: z.exactOptional(z.array(toolName)),
      }),
    )
    .refine((named) => STANDARD_PRESETS.every((name) => !Object.hasOwn(named, name)), {
      message: 'none, read-only, write and full are taken',
    })
    .default({}),
  tools: strictMap({
    /** Tools that nobody may use here. */
    deny: list.default([]),
  }).prefault({}),
  shell: strictMap({
    /** `required`: no sandbox, no shell. `off`: programs run with all rights of this node. */
    sandbox: z.enum(['required', 'off']).default('required'),
    env: list.default([]),
    timeout_seconds: atLeastOne.default(60),
  }).prefault({}),
  fetch: strictMap({
    /** Hosts that may be reached though their addresses are private. */
    private_hosts: list.default([]),
  }).prefault({}),
  approvals: strictMap({
    /** So long a person has to answer; then it counts as no. */
    timeout_seconds: atLeastOne.default(3_600),
  }).prefault({}),
  mcp: unique(z.array(mcpServer)).default([]),
})

export type AgentConfig = z.infer<typeof agentSchema>

/** A list in which no name is there twice. */
function unique<T extends z.ZodType<{ name: string }[]>>(items: T): T {
  return items.refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
    message: 'a name is there twice',
  })
}
