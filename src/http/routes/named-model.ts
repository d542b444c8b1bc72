import type { VideoRequest } from '../../contracts/request.js'
import type { HandlerSettings } from '../handler-settings.js'
import { HttpRefusal } from '../http-refusal.js'
import { readModelName } from '../requests/model-name.js'

/** The models that a handler offers. */
export function modelNames({ models }: HandlerSettings): readonly string[] {
  if (models === undefined) return ['sora-1.0']
  return isNameList(models) ? models : Object.keys(models)
}

/** Reads a model name: by `models`, else by `readModel`. */
export function modelReader(settings: HandlerSettings): (model: string) => Partial<VideoRequest> {
  const { models, readModel = readModelName } = settings
  return (model) => {
    if (models === undefined) return readModel(model)
    if (!modelNames(settings).includes(model)) throw unknownModel(model)
    return isNameList(models) ? readModel(model) : (models[model] ?? {})
  }
}

/** The answer to a model that is not offered. */
export function unknownModel(model: string): HttpRefusal {
  const message = `Could not use the model ${model.slice(0, 100)}: this server does not have it; GET /models lists its models`
  return new HttpRefusal({ status: 404, code: 'model_not_found', message, param: 'model' })
}

function isNameList(models: NonNullable<HandlerSettings['models']>): models is readonly string[] {
  return Array.isArray(models)
}
