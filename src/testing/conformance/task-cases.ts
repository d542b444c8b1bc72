import assert from 'node:assert/strict'
import type { TaskGenerator, TaskStatus } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import type { ConformanceCase, ConformanceSubject } from './conformance-suite.js'
import { checkStatus, checkVideo, type GenerationSubject, pollToEnd, REQUEST } from './generate-with.js'
import type { Trial } from './trial.js'

interface TaskSubject extends ConformanceSubject, GenerationSubject {}

/** Cases about the life of a task; a one-shot generator passes them. */
export const taskCases: readonly ConformanceCase<TaskSubject>[] = [
  taskCase('its operation is JSON without secrets', async (generator, subject, trial) => {
    const { operation } = await started(generator, subject, trial)
    const copy: unknown = JSON.parse(JSON.stringify(operation) ?? 'null')
    assert.deepEqual(copy, operation, 'an operation must survive JSON')
    trial.isClean(operation, 'an operation')
  }),
  taskCase('it continues from an operation that was converted to JSON and back', async (generator, subject, trial) => {
    const { operation } = await started(generator, subject, trial)
    const copy: JsonValue = JSON.parse(JSON.stringify(operation))
    checkVideo(await pollToEnd(generator, copy, trial.context(), trial), trial)
  }),
  taskCase('it can be polled again after its end, with the same video', async (generator, subject, trial) => {
    const { operation, status } = await started(generator, subject, trial)
    const { id } = await pollToEnd(generator, operation, trial.context(), trial, status)
    for (const time of ['once', 'twice']) {
      const again = await trial.settle(generator.poll(operation, trial.context()), 'poll')
      assert.equal(again.state, 'completed', `a task that ended must stay completed when it is polled ${time} more`)
      assert.equal(again.video.id, id, 'a task that ended must keep its video')
    }
  }),
  taskCase('if it can be cancelled, it reports the outcome, also after its end', async (generator, subject, trial) => {
    const cancel = async (operation: JsonValue) => {
      const outcome = await trial.settle(generator.cancel?.(operation, trial.context()) ?? NO_CANCEL, 'cancel')
      assert.ok(
        ['cancelled', 'too-late', 'unsupported'].includes(outcome),
        `cancel must give one of its three outcomes, but gave: ${String(outcome)}`,
      )
    }
    await cancel((await started(generator, subject, trial)).operation)
    const { operation, status } = await started(generator, subject, trial)
    await pollToEnd(generator, operation, trial.context(), trial, status)
    await cancel(operation)
  }),
  taskCase('if it can poll many, it answers for each job in order', async (generator, subject, trial) => {
    if (generator.pollMany === undefined) return
    const list = async (operations: readonly JsonValue[]): Promise<readonly (TaskStatus | undefined)[]> => {
      // An upstream without a list may refuse; then the pipeline polls.
      const refused = (error: unknown) => {
        trial.isTyped(error, 'pollMany')
        return operations.map(() => undefined)
      }
      const given = generator.pollMany?.(operations, trial.context()).catch(refused)
      return (await trial.settle(Promise.resolve(given), 'pollMany')) ?? []
    }
    assert.deepEqual(await list([]), [], 'pollMany of no jobs must give an empty list')
    const videos = new Map<JsonValue, string>()
    for (const _ of ['first', 'second']) {
      const { operation, status } = await started(generator, subject, trial)
      checkListed(await list([operation]), 1, trial)
      const { id } = await pollToEnd(generator, operation, trial.context(), trial, status)
      videos.set(operation, id)
    }
    const operations = [...videos.keys()].toReversed()
    const statuses = await list(operations)
    checkListed(statuses, operations.length, trial)
    for (const [index, status] of statuses.entries()) {
      assert.notEqual(status?.state, 'failed', 'pollMany must not report a job failed that poll reports completed')
      if (status?.state !== 'completed') continue
      const isOwn = status.video.id === videos.get(operations[index] ?? null)
      assert.ok(isOwn, 'pollMany must give the statuses in the order of the operations')
    }
  }),
  taskCase('if it has pictures, they can be read and are images', async (generator, subject, trial) => {
    if (generator.openVariant === undefined) return
    const { operation, status } = await started(generator, subject, trial)
    await pollToEnd(generator, operation, trial.context(), trial, status)
    for (const variant of ['thumbnail', 'spritesheet'] as const) {
      const source = await trial.settle(generator.openVariant(operation, variant, trial.context()), 'openVariant')
      if (source === undefined) continue
      const { mediaType = 'nothing' } = source
      assert.match(mediaType, /^image\//, `the mediaType of a ${variant} must be of an image, but is: ${mediaType}`)
      const bytes = await trial.settle(new Response(await source.open()).arrayBuffer(), 'open')
      assert.notEqual(bytes.byteLength, 0, `a ${variant} must have bytes`)
    }
  }),
  taskCase('an abort before a poll or a cancel rejects with the reason itself', async (generator, subject, trial) => {
    const { operation } = await started(generator, subject, trial)
    const controller = new AbortController()
    controller.abort()
    const context = trial.context({ signal: controller.signal })
    const sent = subject.requests?.()
    await trial.rejectsWithReason(generator.poll(operation, context), controller, 'poll')
    if (generator.pollMany)
      await trial.rejectsWithReason(generator.pollMany([operation], context), controller, 'pollMany')
    if (generator.cancel) await trial.rejectsWithReason(generator.cancel(operation, context), controller, 'cancel')
    if (generator.openVariant) {
      const given = generator.openVariant(operation, 'thumbnail', context)
      await trial.rejectsWithReason(given, controller, 'openVariant')
    }
    assert.equal(subject.requests?.(), sent, 'a call with an aborted signal must send nothing')
  }),
  taskCase('if it can be found, find gives its operation', async (generator, subject, trial) => {
    const lookup = generator.submission?.lookup ?? 'none'
    assert.equal(typeof generator.find === 'function' || lookup === 'none', true, `lookup '${lookup}' needs a find`)
    if (generator.find === undefined) return
    const context = trial.context()
    const { operation } = await trial.settle(generator.start(subject.request ?? REQUEST, context), 'start')
    let found: readonly JsonValue[] = []
    const isThere = async () => {
      const answer = (await generator.find?.(subject.request ?? REQUEST, context)) ?? []
      assert.notEqual(answer, 'unclear', 'find must be able to decide whether a job exists')
      found = answer === 'unclear' ? [] : answer
      return found.length > 0
    }
    await trial.eventually(isThere, 'finding the job')
    assert.deepEqual(JSON.parse(JSON.stringify(found)), found, 'operations that were found must survive JSON')
    await trial.settle(generator.poll(found[0] ?? operation, trial.context()), 'polling the job that was found')
  }),
  taskCase('if it declares callback, it passes on callbackUrl and keeps it', async (generator, subject, trial) => {
    if (generator.submission?.callback !== true) return
    const received = () => {
      const { receivedCallbackUrl } = subject
      assert.ok(receivedCallbackUrl, 'a generator with callback needs receivedCallbackUrl() in its subject')
      return receivedCallbackUrl.call(subject)
    }
    for (const callbackUrl of [`https://video.example/wake/${'a'.repeat(1_900)}`, 'http://127.0.0.1:8080/wake/b']) {
      const context = trial.context({ callbackUrl })
      const given = await trial.settle(generator.start(subject.request ?? REQUEST, context), 'start')
      assert.equal(received(), callbackUrl, 'the upstream must receive callbackUrl of the context unchanged')
      const kept = JSON.stringify([given.operation, context.progress, context.warnings])
      assert.ok(!kept.includes(callbackUrl), 'an operation, a report or a warning must not contain callbackUrl')
    }
    await started(generator, subject, trial)
    assert.equal(received(), undefined, 'without callbackUrl in the context the upstream must receive none')
  }),
  taskCase('if its key is honoured, the same key gives the same job', async (generator, subject, trial) => {
    if (generator.submission?.idempotency !== 'key') return
    const context = trial.context()
    const start = () => trial.settle(generator.start(subject.request ?? REQUEST, context), 'start')
    assert.deepEqual((await start()).operation, (await start()).operation, 'the same key must give the same job')
  }),
]

const NO_CANCEL = Promise.resolve('unsupported' as const)

function taskCase(
  name: string,
  check: (generator: TaskGenerator, subject: TaskSubject, trial: Trial) => Promise<void>,
): ConformanceCase<TaskSubject> {
  return {
    name: `if it is a task: ${name}`,
    async check(subject, trial) {
      if ('start' in subject.generator) await check(subject.generator, subject, trial)
    },
  }
}

function started(generator: TaskGenerator, subject: TaskSubject, trial: Trial) {
  return trial.settle(generator.start(subject.request ?? REQUEST, trial.context()), 'start')
}

function checkListed(statuses: unknown, length: number, trial: Trial): void {
  assert.ok(
    Array.isArray(statuses) && statuses.length === length,
    `pollMany must give an array with a status or undefined for each of ${length} jobs`,
  )
  for (const status of statuses) if (status !== undefined) checkStatus(status)
  trial.isClean(statuses, 'the result of pollMany')
}
