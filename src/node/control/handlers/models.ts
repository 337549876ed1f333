import { KithError, isFailure } from '../../../protocol/errors.ts'
import type { ModelFault } from '../../../agent/engines/model/fault.ts'
import type { MODEL_ROUTES, ModelTestReport } from '../routes/models.ts'
import type { HandlersOf } from '../routes/route.ts'

/** What became of one tiny call of a model. */
export interface ModelTest {
  ok: boolean
  /** From the request to the end of the answer, in ms. */
  ms: number
  /** Why it failed. */
  fault?: Pick<ModelFault, 'kind' | 'message' | 'status'>
}

/** The models of an engine, as their owner looks at them. */
export interface ModelTester {
  /** By preference. */
  list(): Promise<readonly { model: string; priced: boolean }[]>
  /** Calls a model that `list` has, within the budget. @throws {KithError} as a call for an ask */
  test(model: string, signal: AbortSignal): Promise<ModelTest>
}

export interface ModelNode {
  readonly agent: {
    /** Of the engine that answers. */
    readonly name: string
    /** Absent where that engine has none. */
    readonly models?: ModelTester | undefined
  }
}

export function modelHandlers(node: ModelNode): HandlersOf<typeof MODEL_ROUTES> {
  return {
    models: async () => ({
      engine: node.agent.name,
      models: [...((await node.agent.models?.list()) ?? [])],
    }),
    testModel: async ({ model }, signal) => {
      const tester = node.agent.models
      const listed = (await tester?.list())?.find((known) => known.model === model)
      if (tester === undefined || listed === undefined) throw unknownModel(model)
      const begun = performance.now()
      try {
        const { fault, ms, ok } = await tester.test(model, signal)
        return { ...listed, ok, ms, ...(fault === undefined ? {} : told(fault)) }
      } catch (err) {
        // The budget or a breaker has refused the call: that is its outcome.
        if (signal.aborted || !isFailure(err)) throw err
        const { hint, message: cause } = err
        const ms = performance.now() - begun
        return { ...listed, ok: false, ms, cause, ...(hint === undefined ? {} : { hint }) }
      }
    },
  }
}

function told(fault: NonNullable<ModelTest['fault']>): Pick<ModelTestReport, 'cause' | 'hint'> {
  return { cause: fault.message, hint: hintOf(fault) }
}

function hintOf({ kind, status }: NonNullable<ModelTest['fault']>): string {
  switch (kind) {
    case 'refused':
      if (status === 401 || status === 403) return 'look at the key of the provider in config.yaml'
      if (status === 402) return 'look at the account with the provider: it has no credit'
      return 'look at the name of the model in config.yaml'
    case 'unreachable':
      return 'look at the url of the provider in config.yaml, and whether it runs'
    case 'rate-limited':
    case 'overloaded':
      return 'again in a minute; a further model in agent.model.use would answer meanwhile'
    case 'broken':
    case 'cut':
    case 'silent':
      return 'look at what the provider says of itself; a further model in agent.model.use would answer meanwhile'
    case 'empty':
    case 'endless':
      return 'use another model: this one gives no answer'
  }
}

function unknownModel(model: string): KithError<'unknown-model'> {
  const what = `agent.model.use has no model ${model}`
  return new KithError('unknown-model', what, { model }, { hint: 'kith models list' })
}
