/** A file of recorded requests and answers (`emf-recorded-cases/1`); its own `howToRead` explains the form. */
export interface Recording {
    readonly format: string;
    readonly cases: readonly Step[];
}

/** One step of a scenario: a request, many requests of a form, or a write of the manager. */
export interface Step {
    readonly scenario: string;
    readonly step: number;
    readonly note?: string;
    /** Which token to send; `rw` when absent. */
    readonly auth?: string;
    readonly bulk?: {
        readonly var: string;
        readonly from: number;
        readonly to: number;
        readonly pad: number;
    };
    readonly request?: RecordedRequest;
    readonly response?: RecordedResponse;
    readonly manager?: RecordedWrite;
    readonly result?: RecordedResult;
}

export interface RecordedRequest {
    readonly method: string;
    readonly path: string;
    readonly query?: Readonly<Record<string, string>>;
    readonly rawQuery?: string;
    /** null: the header is left out. */
    readonly headers?: Readonly<Record<string, string | null>>;
    readonly body?: unknown;
    readonly rawBody?: string;
    readonly generatedBody?: {
        readonly prefix: string;
        readonly unit: string;
        readonly times: number;
        readonly suffix: string;
    };
}

export interface RecordedResponse {
    readonly status: number;
    /** null: no such header; absent: not recorded. */
    readonly contentType?: string | null;
    readonly body?: unknown;
    readonly summary?: RecordedSummary;
    /** Present: the elements of the list are in a random order. */
    readonly order?: string;
}

export interface RecordedSummary {
    readonly collection: string;
    readonly count: number;
    readonly totalElements: number;
    readonly hasNext: boolean;
    readonly names: readonly string[];
    readonly nameField?: string;
}

export interface RecordedWrite {
    readonly op: "create" | "update" | "delete";
    readonly kind: string;
    readonly resourceId?: string;
    readonly fields: Readonly<Record<string, unknown>>;
    readonly mask: readonly string[];
}

export interface RecordedResult {
    readonly ok: boolean;
    readonly code?: string;
    readonly message?: string;
}
