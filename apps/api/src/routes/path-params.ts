import { TaskName } from '@scion/contracts';
import { Type } from 'typebox';

/** The parameters that several routes take from their path. */
export const TaskPath = Type.Object({ task: TaskName });

/** A user in all tasks. */
export const UserPath = Type.Object({
  user: Type.String({
    description: 'Your own id of the end user, percent-encoded; at most 256 bytes, neither "." nor ".."',
    examples: ['ada@example.com'],
  }),
});

/** `user` is any text here: `checkUserId` then says precisely what is wrong with it. */
export const ModelPath = Type.Object({
  task: TaskName,
  ...UserPath.properties,
});

/** One version of a model. */
export const VersionPath = Type.Object({
  ...ModelPath.properties,
  version: Type.Integer({ minimum: 1, maximum: 99_999_999 }),
});
