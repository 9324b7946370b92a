import * as crypto from "node:crypto";
import type { StateCodec, StoredResource } from "./codec";
import { unsupported } from "./refusal";
import { isProvider, type PendingOperation, type ResourceState } from "./resource";
import { isStackUrn, providerUrn, withParent } from "./urn";

/** The state of a stack as the CLI stores it (apitype.DeploymentV3). */
export interface StoredDeployment {
    manifest: { time: string; magic: string; version: string };
    secrets_providers?: { type: string; state?: { salt?: string } };
    resources?: StoredResource[];
    pending_operations?: { resource: StoredResource; type: PendingOperation["type"] }[];
    metadata?: Record<string, unknown>;
}

/** A checkpoint file of the file backend. */
export interface Checkpoint {
    version: number;
    checkpoint: { stack: string; latest?: StoredDeployment };
}

const FORMAT_VERSION = 3;

/** Parses a checkpoint file; a version of the format that this engine does not know is refused. */
export function parseCheckpoint(file: string, text: string): StoredDeployment | undefined {
    let parsed: Partial<Checkpoint> & { deployment?: StoredDeployment };
    try {
        parsed = JSON.parse(text) as Partial<Checkpoint>;
    } catch {
        throw new Error(`${file} is not JSON. Restore it from its .bak file or from a backup.`);
    }
    if (parsed.version !== FORMAT_VERSION) {
        throw unsupported(
            `${file}: version ${parsed.version ?? "?"} of the state format (only ${FORMAT_VERSION} is)`,
        );
    }
    const deployment = parsed.checkpoint?.latest;
    const provider = deployment?.secrets_providers?.type;
    if (provider !== undefined && provider !== "passphrase") {
        throw unsupported(`${file}: secrets provider "${provider}" (only "passphrase" is)`);
    }
    return deployment;
}

/** What {@link encodeDeployment} writes. */
export interface DeploymentContent {
    rows: readonly ResourceState[];
    pending: readonly PendingOperation[];
    codec: StateCodec;
    /** What the manifest names as the writer, for example `v3.248.0`. */
    version: string;
    time: Date;
}

/** Encodes a state, with URNs of renamed resources rewritten; a broken one is an error and is never written. */
export function encodeDeployment(content: DeploymentContent): StoredDeployment {
    const { rows, pending, codec, version, time } = content;
    const normalised = normaliseUrns(rows);
    verifyIntegrity(normalised);
    return {
        manifest: {
            time: time.toISOString(),
            magic: crypto.createHash("sha256").update(version).digest("hex"),
            version,
        },
        secrets_providers: { type: "passphrase", state: { salt: codec.salt } },
        ...(normalised.length > 0 ? { resources: normalised.map((row) => codec.encodeRow(row)) } : {}),
        ...(pending.length > 0
            ? {
                  pending_operations: pending.map(({ resource, type }) => ({
                      resource: codec.encodeRow(resource),
                      type,
                  })),
              }
            : {}),
        metadata: {},
    };
}

/**
 * The rows with all references to former URNs (of resources found through an alias) rewritten. Children of a renamed
 * parent that were not registered anew get the URN that goes with it.
 */
export function normaliseUrns(rows: readonly ResourceState[]): ResourceState[] {
    const renamed = new Map<string, string>();
    for (const row of rows) {
        for (const alias of row.aliases ?? []) {
            renamed.set(alias, row.urn);
        }
        const parent = renamed.get(row.parent ?? "");
        if (parent !== undefined && !isStackUrn(parent)) {
            renamed.set(row.urn, withParent(row.urn, parent));
        }
    }
    if (renamed.size === 0) {
        return rows.map(withoutAliases);
    }
    const now = (urn: string): string => renamed.get(urn) ?? urn;
    return rows.map((row) => {
        const result = withoutAliases(row);
        result.urn = now(row.urn);
        result.parent = row.parent && now(row.parent);
        result.deletedWith = row.deletedWith && now(row.deletedWith);
        result.dependencies = row.dependencies?.map(now);
        result.replaceWith = row.replaceWith?.map(now);
        if (row.provider !== undefined && row.provider !== "") {
            const urn = providerUrn(row.provider);
            result.provider = now(urn) + row.provider.slice(urn.length);
        }
        if (row.propertyDependencies !== undefined) {
            result.propertyDependencies = Object.fromEntries(
                Object.entries(row.propertyDependencies).map(([key, urns]) => [key, urns.map(now)]),
            );
        }
        return result;
    });
}

function withoutAliases(row: ResourceState): ResourceState {
    const stored = { ...row };
    delete stored.aliases;
    return stored;
}

/** The CLI refuses a state in which a row stands before what it refers to, or a live URN stands twice. */
export function verifyIntegrity(rows: readonly ResourceState[]): void {
    const seen = new Set<string>();
    const live = new Set<string>();
    const providers = new Set<string>();
    for (const row of rows) {
        if (row.provider !== undefined && row.provider !== "" && !providers.has(row.provider)) {
            throw integrityError(row, `its provider ${row.provider} does not stand before it`);
        }
        for (const urn of [...ownReferences(row)]) {
            if (!seen.has(urn)) {
                throw integrityError(row, `${urn}, which it refers to, does not stand before it`);
            }
        }
        if (row.delete !== true) {
            if (live.has(row.urn)) {
                throw integrityError(row, "it stands there twice");
            }
            live.add(row.urn);
        }
        seen.add(row.urn);
        if (isProvider(row)) {
            providers.add(`${row.urn}::${row.id ?? ""}`);
        }
    }
}

// The CLI does not verify `replaceWith`.
function ownReferences(row: ResourceState): string[] {
    const single = [row.parent, row.deletedWith].filter((urn) => urn !== undefined && urn !== "") as string[];
    return [...single, ...(row.dependencies ?? []), ...Object.values(row.propertyDependencies ?? {}).flat()];
}

function integrityError(row: ResourceState, what: string): Error {
    return new Error(`the state would be broken at ${row.urn}: ${what}. It was not written.`);
}
