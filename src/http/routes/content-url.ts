import { createHmac, timingSafeEqual } from 'node:crypto'
import type { HandlerSettings } from '../handler-settings.js'

/**
 * Last part of the path of a signed URL: its expiry in Unix seconds, and the signature. The extension is for players.
 */
const TOKEN = /^([1-9]\d{0,11})-([\w-]{43})\.mp4$/

/** A URL at which anyone may fetch the video of a run from this server until it expires. */
export function signedContentUrl(settings: HandlerSettings, originOfServer: string, id: string): string {
  const { basePath, clock, contentLifetimeMs, publicOrigin } = settings
  const endsAt = Math.floor((clock.now() + contentLifetimeMs) / 1000)
  const origin = publicOrigin === undefined ? originOfServer : new URL(publicOrigin).origin
  const token = `${endsAt}-${signatureOf(settings, id, endsAt)}.mp4`
  return `${origin}${basePath}/videos/${encodeURIComponent(id)}/content/${token}`
}

/** Whether the last part of a path is a valid signature for the video of a run. */
export function isSignedContent(settings: HandlerSettings, id: string, token: string): boolean {
  const [, endsAt = '0', signature = ''] = TOKEN.exec(token) ?? []
  const expected = Buffer.from(signatureOf(settings, id, Number(endsAt)))
  const given = Buffer.from(signature.padEnd(expected.length, ' '))
  return timingSafeEqual(expected, given) && Number(endsAt) * 1000 > settings.clock.now()
}

function signatureOf({ contentSecret }: HandlerSettings, id: string, endsAt: number): string {
  return createHmac('sha256', contentSecret)
    .update(JSON.stringify([id, endsAt]))
    .digest('base64url')
}
