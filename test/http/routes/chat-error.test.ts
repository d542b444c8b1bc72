import { describe, expect, it } from 'vitest'
import { isSoraPipelineError, toErrorJson } from '../../../src/contracts/errors.js'
import { InvalidRequestError } from '../../../src/contracts/input-errors.js'
import { RecordedError } from '../../../src/contracts/recorded-error.js'
import { AllStrategiesFailedError } from '../../../src/contracts/run-errors.js'
import { NetworkError } from '../../../src/contracts/upstream-errors.js'
import { chatErrorOf } from '../../../src/http/routes/chat-error.js'

const FIELD = 'messages[2].content'
const refused = (field: string) => new InvalidRequestError([{ field, value: 'given', fix: 'leave it out' }])
const chain = (...errors: unknown[]) =>
  new AllStrategiesFailedError('Could not generate', { errors, stage: 'generate', strategy: 'chain' })
const problemsOf = (error: unknown) => toErrorJson(error).problems?.map(({ field, value }) => [field, value])

describe('the error of a run in the words of a chat', () => {
  it.each([
    ['references', 'a message with several images'],
    ['references[1]', 'a message with several images'],
    ['audioInput', 'a message with a sound'],
  ])('names the message in place of %s', (field, value) => {
    expect(problemsOf(chatErrorOf(refused(field), FIELD))).toEqual([[FIELD, value]])
  })

  it('does so for an error that was read from a store', () => {
    const recorded = new RecordedError(refused('references').toJSON())
    expect(problemsOf(chatErrorOf(recorded, FIELD))).toEqual([[FIELD, 'a message with several images']])
  })

  it('does so for each error of a chain, also of a chain in a chain, and keeps the rest of it', () => {
    const network = new NetworkError('Could not submit')
    const worded = chatErrorOf(chain(network, chain(refused('references'))), FIELD)
    expect(worded).toMatchObject({ message: 'Could not generate', stage: 'generate', strategy: 'chain' })
    const errors = (worded as AllStrategiesFailedError).errors
    expect(errors[0]).toBe(network)
    const [inner] = (errors[1] as AllStrategiesFailedError).errors
    expect(problemsOf(inner)).toEqual([[FIELD, 'a message with several images']])
    expect(isSoraPipelineError(worded) && worded.isRetryable).toBe(true)
  })

  it.each([refused('seed'), chain(refused('seed')), new NetworkError('x'), new Error('references is')])(
    'is the same object where nothing has to be said in other words: %s',
    (error) => {
      expect(chatErrorOf(error, FIELD)).toBe(error)
      expect(chatErrorOf(refused('references'), undefined)).toBeInstanceOf(InvalidRequestError)
    },
  )
})
