/** A file of recorded requests and answers of the Image Management Service; its own header explains the form. */
export interface Recording {
    readonly scenarios: readonly Scenario[];
}

export interface Scenario {
    readonly scenario: string;
    readonly note?: string;
    /** Settings of the service that differ from the defaults, by the names of its environment. */
    readonly settings?: Readonly<Record<string, string>>;
    /** The server-made values and their types: `uuid` or `time`. */
    readonly placeholders: Readonly<Record<string, string>>;
    readonly steps: readonly Step[];
}

/** A request, a change of the surroundings, or a look at them. */
export interface Step {
    readonly step: string;
    readonly request?: RecordedRequest;
    readonly response?: RecordedResponse;
    readonly putObjects?: readonly {
        readonly bucket: string;
        readonly key: string;
        readonly content: string;
        readonly metadata?: Readonly<Record<string, string>>;
    }[];
    readonly deleteObjects?: readonly { readonly bucket: string; readonly key: string }[];
    readonly expectObjects?: Readonly<Record<string, readonly string[]>>;
    readonly expectObject?: {
        readonly bucket: string;
        readonly key: string;
        readonly json?: unknown;
        readonly metadata?: Readonly<Record<string, string>>;
    };
    readonly kubernetesFaults?: Readonly<Record<string, number>>;
    readonly expectKubernetesObjects?: readonly string[];
}

export interface RecordedRequest {
    readonly method: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly rawBody?: string;
}

export interface RecordedResponse {
    readonly status: number;
    /** null: no such header. */
    readonly contentType: string | null;
    readonly body?: unknown;
    readonly allow?: readonly string[];
}
