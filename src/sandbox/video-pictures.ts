import { bytesFile, type ServedFile } from './file-reply.js'

const BYTES = {
  // 16 x 9 pixels of one colour.
  thumbnail: 'UklGRi4AAABXRUJQVlA4ICIAAABwAQCdASoQAAkAAsBMJZACdAFAAAD+8Gyvt5n7ka5+uAAA',
  // Four such frames in a row.
  spritesheet:
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5mo' +
    'q6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wAARCAAJAEADASIAAhEB' +
    'AxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAAMF/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/EABcBAAMBAAAAAAAAAAAAAAAAAAIDBAH/xAAUEQEAAAAAAAAA' +
    'AAAAAAAAAAAA/9oADAMBAAIRAxEAPwDKAPYuAjKTAEtUACS//9k=',
} as const

const MEDIA_TYPES = { thumbnail: 'image/webp', spritesheet: 'image/jpeg' } as const

/** Whether it names a picture. */
export function isPicture(variant: string): variant is keyof typeof BYTES {
  return Object.hasOwn(BYTES, variant)
}

/** A picture of a video, the same one for every video. */
export function videoPicture(variant: keyof typeof BYTES, modifiedAt: number): ServedFile {
  const bytes = Buffer.from(BYTES[variant], 'base64')
  return bytesFile(bytes, { mediaType: MEDIA_TYPES[variant], modifiedAt })
}
