import type { Operation } from "./operation";
import { ProviderClient } from "./provider";
import { unsupported } from "./refusal";
import type { ResourceState } from "./resource";
import { PROVIDER_TYPE, providerUrn } from "./urn";
import { equal, type PropertyMap } from "./values";

interface Configured {
    inputs: PropertyMap;
    client: ProviderClient;
    ready: Promise<void>;
}

/** The provider processes of an operation, by provider reference. */
export class Providers {
    private readonly byReference = new Map<string, Configured>();
    private readonly all: ProviderClient[] = [];
    /** A process that has been started, and is not configured yet. */
    private spare: ProviderClient | undefined;

    constructor(
        private readonly operation: Operation,
        private readonly address: string,
    ) {}

    /**
     * Starts a process before a resource asks for it, where the state says that one will: it takes as long as the program
     * does to its first resource.
     */
    startEarly(): void {
        if (this.all.length > 0 || !this.operation.oldRows.some(({ type }) => type === PROVIDER_TYPE)) return;
        this.spare = this.newClient();
        this.spare.startEarly();
    }

    /** The provider of a reference with this configuration. */
    async configure(urn: string, id: string, inputs: PropertyMap): Promise<ProviderClient> {
        const reference = `${urn}::${id}`;
        let configured = this.byReference.get(reference);
        // A process keeps the configuration of its first call, so another configuration needs another process.
        if (configured === undefined || !equal(configured.inputs, inputs)) {
            const client = this.newClient();
            configured = { inputs, client, ready: client.configure(urn, id, inputs) };
            this.byReference.set(reference, configured);
        }
        await configured.ready;
        return configured.client;
    }

    /** The provider of a row of the state: configured already, or with what the state says. */
    async of(row: ResourceState): Promise<ProviderClient> {
        const reference = row.provider ?? "";
        const configured = this.byReference.get(reference);
        if (configured !== undefined) {
            await configured.ready;
            return configured.client;
        }
        const urn = providerUrn(reference);
        const id = reference.slice(urn.length + 2);
        const stored = this.operation.oldRows.find((other) => other.urn === urn && other.id === id);
        if (stored === undefined) {
            throw new Error(`${row.urn}: its provider ${reference} is not in the state`);
        }
        if (stored.type !== PROVIDER_TYPE) {
            throw unsupported(`${row.urn}: provider ${stored.type}`);
        }
        return this.configure(urn, id, stored.inputs);
    }

    async cancel(): Promise<void> {
        await Promise.all(this.all.map((client) => client.cancel()));
    }

    close(signal?: NodeJS.Signals): void {
        for (const client of this.all) {
            client.close(signal);
        }
    }

    private newClient(): ProviderClient {
        const { settings } = this.operation;
        const { spare } = this;
        this.spare = undefined;
        if (spare) return spare;
        const client = new ProviderClient({
            sdk: settings.sdk,
            address: this.address,
            project: settings.project,
            child: { node: settings.node, cwd: settings.pwd, env: settings.env, record: settings.record },
            log: (severity, message) => this.operation.report(severity, message),
        });
        this.all.push(client);
        return client;
    }
}
