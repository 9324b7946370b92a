import * as crypto from "node:crypto";
import type { PaletteBehaviour } from "./behaviour";
import { newRecord } from "./rest/call";
import type { EdgeHost, Hardware, PaletteStore, RegistrationToken } from "./store";

/** What the agent of a machine reads from its user-data, and what the machine is. */
export interface AgentSettings {
    /** `stylus.site.edgeHostToken`. */
    readonly token: string;
    /** `stylus.site.name`: the uid of the edge host. */
    readonly name: string;
    /** `stylus.site.projectUid`; without one the token's default project is taken. */
    readonly projectUid?: string;
    /** `stylus.site.tags`. */
    readonly tags?: Readonly<Record<string, string>>;
    /** Only a host that was registered before may pair. */
    readonly disableAutoRegister?: boolean;
    readonly pairingKey?: string;
    readonly archType?: "amd64" | "arm64";
    readonly health?: "healthy" | "unhealthy";
}

/** The agents of the lab's machines: they pair at their boot, and stay on. */
export class Agents {
    readonly #running = new Map<string, AgentSettings>();

    constructor(
        private readonly store: PaletteStore,
        private readonly behaviour: PaletteBehaviour,
    ) {}

    /** The machine boots: its agent pairs with its host, or makes one. Throws what its console would show. */
    boot(settings: AgentSettings): void {
        const token = this.validToken(settings.token);
        const known = this.store.edgeHosts.get(settings.name);
        const host = known ?? this.autoRegistered(settings, token);
        if (host.pairingKey !== "" && host.pairingKey !== settings.pairingKey) {
            throw new Error(`${settings.name}: the pairing key is not the one it was registered with`);
        }
        const labels =
            known && this.behaviour.agentLabels === "overwrite" ? { ...settings.tags } : host.labels;
        this.store.edgeHosts.put({
            ...host,
            labels,
            hardware: hardwareOf(settings),
            health: settings.health ?? "healthy",
            serviceAuthToken: host.serviceAuthToken ?? crypto.randomBytes(24).toString("base64url"),
            changedAt: this.store.time(),
        });
        this.#running.set(settings.name, settings);
    }

    /** The host of a running agent has been deleted: the agent registers again. */
    afterDeletion(uid: string): void {
        const settings = this.#running.get(uid);
        if (settings && !settings.disableAutoRegister) this.boot(settings);
    }

    private validToken(value: string): RegistrationToken {
        const token = this.store.tokens.list().find((candidate) => candidate.token === value);
        if (!token) throw new Error("the registration token is not known");
        if (!token.isActive) throw new Error(`the registration token ${token.name} is not active`);
        if (Date.parse(token.expiry) <= this.store.now()) {
            throw new Error(`the registration token ${token.name} has expired`);
        }
        return token;
    }

    private autoRegistered(settings: AgentSettings, token: RegistrationToken): EdgeHost {
        const { name, tags = {}, disableAutoRegister, archType = "amd64" } = settings;
        if (disableAutoRegister) throw new Error(`${name} is not registered, and does not register itself`);
        const projectUid = settings.projectUid ?? token.defaultProjectUid;
        if (projectUid === undefined) {
            throw new Error(`${name}: neither the token nor the user-data names a project`);
        }
        return {
            ...newRecord(this.store, { name, labels: { ...tags } }, projectUid),
            ...{ uid: name, archType, pairingKey: settings.pairingKey ?? "", tunnelConfig: {} },
        };
    }
}

/** A machine that is the same at every boot. */
function hardwareOf({ name, archType = "amd64" }: AgentSettings): Hardware {
    const digest = crypto.createHash("sha256").update(name).digest();
    const [a = 0, b = 0, c = 0] = digest;
    const mac = [0x52, 0x54, 0x00, a, b, c].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
    return {
        ...{ archType, cores: 8, memoryMb: 32_768, nicName: "eno1", macAddress: mac },
        ip: `10.${a}.${b}.${Math.max(c, 1)}`,
        agentVersion: "4.8.10",
    };
}
