import type { Call } from '../call.js'
import type { HandlerSettings } from '../handler-settings.js'
import { jsonAnswer, type PlainAnswer } from '../plain-answer.js'
import { modelNames, unknownModel } from './named-model.js'

// The same for every request to a handler.
const lists = new WeakMap<HandlerSettings, PlainAnswer>()

/** `GET /models` */
export function listModels({ settings }: Call): PlainAnswer {
  const list = lists.get(settings) ?? jsonAnswer({ object: 'list', data: modelNames(settings).map(modelObject) })
  lists.set(settings, list)
  return list
}

/** `GET /models/{id}` */
export function retrieveModel({ settings }: Call, id: string): PlainAnswer {
  if (!modelNames(settings).includes(id)) throw unknownModel(id)
  return jsonAnswer(modelObject(id))
}

// The creation time of a model is unknown, but clients expect a number.
function modelObject(id: string) {
  return { id, object: 'model', created: 0, owned_by: 'sora-pipeline' }
}
