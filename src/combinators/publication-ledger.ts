import { allFailed } from '../calling/all-failed.js'
import type { Strategy } from '../calling/stage-calls.js'
import type { Publication, Publisher } from '../contracts/publisher.js'
import type { StageContext } from '../contracts/stage.js'

/** Records which of several publishers made which post, so that the same one removes it. */
export interface PublicationLedger {
  /** Records a post of a member; ignores other stages. */
  note(member: Strategy, output: object): void
  /** Removes a post. A post that is not recorded, such as of another process, is removed by any publisher with `unpublish()`. */
  unpublish(publication: Publication, context: StageContext): Promise<void>
}

/** Creates the ledger of a combined strategy. */
export function publicationLedger(members: readonly Strategy[]): PublicationLedger {
  const publishedBy = new WeakMap<object, Publisher>()
  return {
    note: (member, output) => {
      if ('publish' in member) publishedBy.set(output, member)
    },
    unpublish: (publication, context) => {
      const publisher = publishedBy.get(publication)
      return unpublishWithAny(publisher ? [publisher] : (members as readonly Publisher[]), publication, context)
    },
  }
}

async function unpublishWithAny(
  publishers: readonly Publisher[],
  publication: Publication,
  context: StageContext,
): Promise<void> {
  const errors: unknown[] = []
  for (const publisher of publishers) {
    try {
      if (publisher.unpublish) return await publisher.unpublish(publication, context)
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw allFailed('publish', publishers, errors)
}
