import type { Call } from '../call.js'
import { jsonAnswer, type PlainAnswer } from '../plain-answer.js'
import { modelNames, unknownModel } from './named-model.js'

/** `GET /models` */
export function listModels({ settings }: Call): PlainAnswer {
  return jsonAnswer({ object: 'list', data: modelNames(settings).map(modelObject) })
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
