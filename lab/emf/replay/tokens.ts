import type { MintOptions, TokenIssuer } from "../auth";
import type { Project } from "../store";

/** Makes the Authorization header for each value of a recording's `auth` column. */
export class RecordedTokens {
    readonly #made = new Map<string, string | undefined>();

    constructor(
        private readonly issuer: TokenIssuer,
        private readonly stranger: TokenIssuer,
        private readonly project: Project,
        private readonly other: Project,
    ) {}

    async header(auth = "rw"): Promise<string | undefined> {
        if (!this.#made.has(auth)) this.#made.set(auth, await this.#make(auth));
        return this.#made.get(auth);
    }

    async #make(auth: string): Promise<string | undefined> {
        const { uid } = this.project;
        const own = [`${uid}_im-r`, `${uid}_im-rw`];
        const foreign = [`${this.other.uid}_im-r`, `${this.other.uid}_im-rw`];
        const roles = [...own, ...foreign];
        switch (auth) {
            case "rw":
                return this.#bearer({ roles });
            case "r":
                return this.#bearer({ roles: [`${uid}_im-r`] });
            case "rw-only":
                return this.#bearer({ roles: [`${uid}_im-rw`] });
            case "other-project":
                return this.#bearer({ roles: foreign });
            case "wrong-role":
                return this.#bearer({ roles: [`${uid}_cl-rw`] });
            case "no-roles":
                return this.#bearer({ roles: [] });
            case "expired":
                return this.#bearer({ roles, expiresIn: -60 });
            case "wrong-key":
                return `Bearer ${await this.stranger.mint({ roles })}`;
            case "malformed":
                return "Bearer not-a-jwt";
            case "basic":
                return `Basic ${Buffer.from("user:password").toString("base64")}`;
            case "lower-bearer":
                return `bearer ${await this.issuer.mint({ roles })}`;
            case "no-scheme":
                return this.issuer.mint({ roles });
            case "none":
                return undefined;
            default:
                throw new Error(`The recording asks for a token "${auth}" that this replayer does not know.`);
        }
    }

    async #bearer(options: MintOptions): Promise<string> {
        return `Bearer ${await this.issuer.mint({ expiresIn: 86_400, ...options })}`;
    }
}
