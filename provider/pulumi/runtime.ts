import { DynamicAdapter } from "./adapter";
import { ProcessHost } from "./host";
import { loadDefinition } from "../systems";

/**
 * Entry of the dynamic provider process: every resource in every user's state names this module as
 * `pulumi-edge-os/provider-runtime` and calls `provider(kind)`. Path and signature never change.
 */
export function provider(kind: string): DynamicAdapter {
    host ??= startHost();
    return new DynamicAdapter(kind, () => loadDefinition(kind), host);
}

let host: ProcessHost | undefined;

function startHost(): ProcessHost {
    const started = new ProcessHost();
    started.cancellation.install();
    return started;
}
