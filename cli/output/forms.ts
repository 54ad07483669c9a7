/** How an answer can be printed. */
export const OUTPUT_FORMS = ['table', 'wide', 'json', 'yaml', 'name'] as const;

export type OutputForm = (typeof OUTPUT_FORMS)[number];
