import { createRequire } from "node:module";
import type { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import type * as EngineMessages from "@pulumi/pulumi/proto/engine_pb";
import type * as Grpc from "@grpc/grpc-js";

/** At most two lines a second reach a row; the engine redraws it for each. */
const PROGRESS_INTERVAL = 500;

interface Sdk {
    grpc: typeof Grpc;
    messages: typeof EngineMessages;
    services: { EngineClient: typeof EngineClient };
}

/**
 * Messages to the engine, attributed to a resource. `pulumi.log` in a dynamic provider only prints, which lands
 * on the stack's row, so this speaks to the engine's own log service (its address is the process's argument).
 */
export class EngineLog {
    private readonly address = process.argv
        .slice(2)
        .find((word) => /^(127\.0\.0\.1|localhost):\d+$/.test(word));
    private connection?: { sdk: Sdk; client: EngineClient };
    private readonly lastProgress = new Map<string, { at: number; timer?: NodeJS.Timeout; text?: string }>();
    private readonly warned = new Set<string>();

    info(urn: string, text: string): void {
        this.send(urn, "INFO", text, false);
    }

    /** Check runs twice or more an operation; the same warning is shown once. */
    warn(urn: string, text: string): void {
        const key = `${urn}\n${text}`;
        if (this.warned.has(key)) return;
        this.warned.add(key);
        this.send(urn, "WARNING", text, false);
    }

    /** Of what concerns many resources alike (no password, no network) the first one tells. */
    warnOnce(urn: string, text: string): void {
        if (this.warned.has(text)) return;
        this.warned.add(text);
        this.warn(urn, text);
    }

    /**
     * Shows the line in the resource's row while it runs; the newest of a burst is the one that stays. The log that
     * `--debug` shows has them all.
     */
    progress(urn: string, text: string): void {
        this.send(urn, "DEBUG", text, false);
        const last = this.lastProgress.get(urn);
        const wait = last ? last.at + PROGRESS_INTERVAL - Date.now() : 0;
        clearTimeout(last?.timer);
        if (last === undefined || wait <= 0) {
            this.showProgress(urn, text);
            return;
        }
        const timer = setTimeout(() => this.showProgress(urn, text), wait).unref();
        this.lastProgress.set(urn, { at: last.at, timer, text });
    }

    /** A line still waiting is shown at once: it is the one that stays in the row. */
    endProgress(urn: string): void {
        const last = this.lastProgress.get(urn);
        clearTimeout(last?.timer);
        if (last?.text !== undefined) this.showProgress(urn, last.text);
        this.lastProgress.delete(urn);
    }

    private showProgress(urn: string, text: string): void {
        this.lastProgress.set(urn, { at: Date.now() });
        this.send(urn, "INFO", text, true);
    }

    private send(
        urn: string,
        severity: "DEBUG" | "INFO" | "WARNING",
        text: string,
        ephemeral: boolean,
    ): void {
        const connection = this.connect();
        if (!connection) {
            if (!ephemeral && severity !== "DEBUG") console.log(text);
            return;
        }
        const { sdk, client } = connection;
        const request = new sdk.messages.LogRequest();
        request.setSeverity(sdk.messages.LogSeverity[severity]);
        request.setMessage(text);
        request.setUrn(urn);
        request.setEphemeral(ephemeral);
        // A message that does not arrive is no reason to fail: the engine may be shutting down.
        client.log(request, () => undefined);
    }

    private connect(): { sdk: Sdk; client: EngineClient } | undefined {
        if (!this.address) return undefined;
        if (!this.connection) {
            const sdk = loadSdk();
            const client = new sdk.services.EngineClient(this.address, sdk.grpc.credentials.createInsecure());
            this.connection = { sdk, client };
        }
        return this.connection;
    }
}

/** The copy of the SDK (and of its grpc-js) that the host process itself runs. */
function loadSdk(): Sdk {
    const sdkRequire = createRequire(require.resolve("@pulumi/pulumi/package.json"));
    return {
        grpc: sdkRequire("@grpc/grpc-js") as typeof Grpc,
        messages: sdkRequire("@pulumi/pulumi/proto/engine_pb") as typeof EngineMessages,
        services: sdkRequire("@pulumi/pulumi/proto/engine_grpc_pb") as Sdk["services"],
    };
}
