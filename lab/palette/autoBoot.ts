import type { AgentSettings } from "./agent";
import type { EdgeHost, PaletteStore, RegistrationToken } from "./store";

/** So long a host stays unpaired, as if somebody had just switched its machine on. */
const PAUSE_MS = 300;

/** Switches a machine on for every registered host, whose user-data has a token that is good at that time. */
export class AutoBoot {
    private timer: NodeJS.Timeout | undefined;

    constructor(
        private readonly store: PaletteStore,
        private readonly boot: (settings: AgentSettings) => void,
    ) {}

    /** To be called whenever anything in the store has changed. */
    readonly changed = (): void => {
        if (this.timer || !this.unpaired().some((host) => this.tokenFor(host))) return;
        this.timer = setTimeout(() => {
            this.timer = undefined;
            for (const host of this.unpaired()) this.switchOn(host);
        }, PAUSE_MS);
    };

    stop(): void {
        clearTimeout(this.timer);
    }

    private switchOn(host: EdgeHost): void {
        const { uid: name, projectUid, pairingKey, archType, labels: tags } = host;
        const token = this.tokenFor(host)?.token;
        if (token === undefined || projectUid === undefined) return;
        this.boot({ token, name, projectUid, pairingKey, archType, tags, disableAutoRegister: true });
    }

    private unpaired(): EdgeHost[] {
        return this.store.edgeHosts.list().filter(({ hardware }) => !hardware);
    }

    private tokenFor({ projectUid }: EdgeHost): RegistrationToken | undefined {
        return this.store.tokens
            .list()
            .find(
                ({ isActive, expiry, defaultProjectUid = projectUid }) =>
                    isActive && Date.parse(expiry) > this.store.now() && defaultProjectUid === projectUid,
            );
    }
}
