import { CallCounter } from "../calls";
import type { CertificateAuthority } from "../certificates";
import { FaultList } from "../faults";
import { keptSecret, readJson, type LabFolder } from "../folder";
import { createHandler } from "../handler";
import { Keeper } from "../keeper";
import { listen, type Listener, type PortBook } from "../server";
import { StandIn, type Front } from "../standIn";
import { Agents, type AgentSettings } from "./agent";
import { AutoBoot } from "./autoBoot";
import { DEFAULT_BEHAVIOUR, type PaletteBehaviour } from "./behaviour";
import { RateLimits } from "./rateLimits";
import { createPaletteApi } from "./rest/api";
import { PaletteStore } from "./store";

/** How the Palette stand-in behaves. */
export interface PaletteLabOptions {
    /** Start it, and how it behaves where Palette's documentation leaves it open. Default false. */
    palette?: boolean | Partial<PaletteBehaviour>;
    /** Switch on the machines of registered hosts by themselves. Default false. */
    autoBoot?: boolean;
    /** Milliseconds that a cluster of Palette takes from one state to the next. Default 200. */
    paletteClusterPace?: number;
}

interface Parts extends Front {
    listener: Listener;
    keeper: Keeper;
    limits: RateLimits;
    agents: Agents;
    autoBoot: AutoBoot;
    clock: { offset: number };
}

/** The running stand-in of Palette: one tenant with two projects, and machines that pair when they boot. */
export class PaletteLab extends StandIn {
    /** `https://127.0.0.1:<port>`. */
    readonly endpoint: string;

    private constructor(
        private readonly parts: Parts,
        /** Everything the tenant holds. */
        readonly store: PaletteStore,
        /** Can be changed while the lab runs. */
        readonly behaviour: PaletteBehaviour,
        readonly apiKey: string,
        readonly caFile: string,
    ) {
        super(parts);
        this.endpoint = parts.listener.origin;
    }

    static async start(
        folder: LabFolder,
        authority: CertificateAuthority,
        ports: PortBook,
        { palette, autoBoot: boots = false, paletteClusterPace = 200 }: PaletteLabOptions = {},
    ): Promise<PaletteLab> {
        const behaviour = { ...DEFAULT_BEHAVIOUR, ...(typeof palette === "object" ? palette : {}) };
        const clock = { offset: 0 };
        const now = (): number => Date.now() + clock.offset;
        const store = new PaletteStore(now, () => {
            keeper.touch();
            if (boots) autoBoot.changed();
        });
        const keeper: Keeper = new Keeper(folder.paletteData, () => store);
        const agents = new Agents(store, behaviour);
        const autoBoot: AutoBoot = new AutoBoot(store, (settings) => agents.boot(settings));
        store.restore(readJson(folder.paletteData));
        const limits = new RateLimits(now);
        const apiKey = keptSecret(folder.paletteApiKey);
        const faults = new FaultList();
        const calls = new CallCounter();
        const started: { lab?: PaletteLab } = {};
        const handler = createHandler({
            ...{ faults, calls, tap: (side, route) => started.lab?.tap?.(side, route) },
            answer: createPaletteApi({
                ...{ apiKey, limits },
                service: {
                    ...{ store, behaviour, clusterPaceMs: paletteClusterPace },
                    deletedHost: (uid) => agents.afterDeletion(uid),
                },
            }),
        });
        const identity = await authority.server("palette");
        const listener = await listen({ name: "palette", ports, identity, handler });
        const parts = { listener, faults, calls, keeper, limits, agents, autoBoot, clock };
        started.lab = new PaletteLab(parts, store, behaviour, apiKey, folder.caFile);
        return started.lab;
    }

    /** Boots a machine with this user-data. Throws what its console would show when it cannot pair. */
    boot(settings: AgentSettings): void {
        this.parts.agents.boot(settings);
    }

    /** Moves the clock that clusters, tokens and rate limits go by. */
    advance(milliseconds: number): void {
        this.parts.clock.offset += milliseconds;
    }

    /** The rate limits as after a long pause. */
    rest(): void {
        this.parts.limits.reset();
    }

    async close(): Promise<void> {
        this.parts.autoBoot.stop();
        await this.parts.listener.close();
        this.parts.keeper.flush();
    }
}
