import { describe, expect, it } from 'vitest'
import { mayHaveBeenAccepted } from '../../src/contracts/submission.js'
import { AuthenticationError, NetworkError } from '../../src/index.js'
import { networkErrorFrom } from '../../src/strategies/index.js'
import { deadOrigin, loopbackServer } from '../upstream/loopback-server.js'

const what = 'create the video'
const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it must reject'),
    (error: unknown) => error,
  )

describe('networkErrorFrom', () => {
  it('proves that nothing was sent where that is certain', async () => {
    const url = `${await deadOrigin()}/v1/videos?key=hidden`
    const error = networkErrorFrom(await rejection(fetch(url)), { what, url })
    expect(error).toBeInstanceOf(NetworkError)
    expect(error).toMatchObject({ isRefusal: true, isRetryable: true, url: url.split('?')[0] })
    expect(error.message).toBe(`Could not create the video: no answer from ${new URL(url).host} (ECONNREFUSED)`)
    expect(mayHaveBeenAccepted(error)).toBe(false)
  })

  it('leaves the outcome open after a cut', async () => {
    const { origin } = await loopbackServer((_, response) => response.socket?.resetAndDestroy())
    const error = networkErrorFrom(await rejection(fetch(origin, { method: 'POST' })), { what, url: origin })
    expect(error).toMatchObject({ code: 'network', isRefusal: false })
    expect(mayHaveBeenAccepted(error)).toBe(true)
  })

  it('keeps no secret and no request', () => {
    const cause = Object.assign(new Error('GET with opaque-0123456789'), {
      config: { headers: { authorization: 'Bearer opaque-0123456789' } },
    })
    const error = networkErrorFrom(cause, { what, url: 'https://api.example', secrets: ['Bearer opaque-0123456789'] })
    expect(JSON.stringify([error, error.message, error.cause, Object.values(error.cause as object)])).not.toContain(
      'opaque-0123456789',
    )
  })

  it.each([
    [500, true],
    [429, false],
  ])('takes the status %d that a client reports', (status, isUnknown) => {
    const cause = Object.assign(new Error('x'), { response: { status } })
    const error = networkErrorFrom(cause, { what, url: 'https://api.example/v1' })
    expect(error).toMatchObject({
      code: 'upstream-http',
      status,
      message: `Could not create the video: api.example answered ${status}`,
    })
    expect(mayHaveBeenAccepted(error)).toBe(isUnknown)
  })

  it('gives an error of the library back unchanged', () => {
    const cause = new AuthenticationError('x: y')
    expect(networkErrorFrom(cause, { what, url: 'https://api.example' })).toBe(cause)
  })

  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'text'],
    ['a number', 7],
    ['a proxy that cannot be read', proxy],
  ])('takes anything: %s', (_, cause) => {
    expect(networkErrorFrom(cause, { what, url: 'nowhere' })).toMatchObject({
      code: 'network',
      isRefusal: false,
      message: 'Could not create the video: no answer from an address that cannot be read (unknown error)',
    })
  })
})
