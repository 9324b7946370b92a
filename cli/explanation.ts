/** One text of the platform, what it comes from, and what helps. */
export interface Explanation {
    /** As the platform writes it; `<…>` stands for what differs from case to case. */
    readonly text: string;
    /** Who says it: a field of the API, or a program. */
    readonly from: string;
    readonly cause: string;
    /** Steps, in the order in which to take them. Empty where nothing is wrong. */
    readonly todo: readonly string[];
    /** Told only when the text is this and nothing else. */
    readonly alone?: true;
}
