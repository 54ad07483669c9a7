/** Labels by which a policy that was renamed is found under the name that it had. */

/** Of the new policy: the old name. */
export const FORMERLY = 'formerly';
/** Of the old one, while it goes: the new name. */
export const RENAMED_TO = 'renamed-to';
