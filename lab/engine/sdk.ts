import { createRequire } from "node:module";
import * as path from "node:path";
import type * as Grpc from "@grpc/grpc-js";
import type * as EngineServices from "@pulumi/pulumi/proto/engine_grpc_pb";
import type * as EngineMessages from "@pulumi/pulumi/proto/engine_pb";
import type * as ProviderServices from "@pulumi/pulumi/proto/provider_grpc_pb";
import type * as ProviderMessages from "@pulumi/pulumi/proto/provider_pb";
import type * as ResourceServices from "@pulumi/pulumi/proto/resource_grpc_pb";
import type * as ResourceMessages from "@pulumi/pulumi/proto/resource_pb";
import type * as StatusMessages from "@pulumi/pulumi/proto/status_pb";
import type * as EmptyModule from "google-protobuf/google/protobuf/empty_pb";
import type * as StructModule from "google-protobuf/google/protobuf/struct_pb";
import type { PropertyMap } from "./values";

/** The parts of the program's own Pulumi SDK that the engine speaks with. */
export interface Sdk {
    /** Folder of the package. */
    dir: string;
    version: string;
    grpc: typeof Grpc;
    Struct: typeof StructModule.Struct;
    Empty: typeof EmptyModule.Empty;
    resource: typeof ResourceMessages;
    resourceServices: typeof ResourceServices;
    engine: typeof EngineMessages;
    engineServices: typeof EngineServices;
    provider: typeof ProviderMessages;
    providerServices: typeof ProviderServices;
    status: typeof StatusMessages;
}

const MEBIBYTE = 1 << 20;

/** Options of every gRPC server and client: the default of 4 MiB is too little for big inputs. */
export const GRPC_OPTIONS = {
    "grpc.max_receive_message_length": 400 * MEBIBYTE,
    "grpc.max_send_message_length": 400 * MEBIBYTE,
};

/**
 * Loads the SDK that the program in this folder uses. Engine and program then speak the same version of the protocol
 * with the same copy of gRPC.
 */
export function loadSdk(programDir: string): Sdk {
    let manifest: string;
    try {
        manifest = createRequire(path.join(programDir, "index.js")).resolve("@pulumi/pulumi/package.json");
    } catch {
        throw new Error(
            `@pulumi/pulumi is not installed for the program in ${programDir}. Run npm install there.`,
        );
    }
    const dir = path.dirname(manifest);
    const load = createRequire(manifest);
    const proto = (name: string): unknown => load(path.join(dir, "proto", name));
    return {
        dir,
        version: (load(manifest) as { version: string }).version,
        grpc: load("@grpc/grpc-js") as typeof Grpc,
        Struct: (load("google-protobuf/google/protobuf/struct_pb.js") as typeof StructModule).Struct,
        Empty: (load("google-protobuf/google/protobuf/empty_pb.js") as typeof EmptyModule).Empty,
        resource: proto("resource_pb") as typeof ResourceMessages,
        resourceServices: proto("resource_grpc_pb") as typeof ResourceServices,
        engine: proto("engine_pb") as typeof EngineMessages,
        engineServices: proto("engine_grpc_pb") as typeof EngineServices,
        provider: proto("provider_pb") as typeof ProviderMessages,
        providerServices: proto("provider_grpc_pb") as typeof ProviderServices,
        status: proto("status_pb") as typeof StatusMessages,
    };
}

/** Properties as a protobuf message. */
export function toStruct(sdk: Sdk, map: PropertyMap): StructModule.Struct {
    // The conversion fails on undefined values, which mean the same as absent ones.
    return sdk.Struct.fromJavaScript(JSON.parse(JSON.stringify(map)) as Record<string, never>);
}

/** Properties from a protobuf message. */
export function fromStruct(struct: StructModule.Struct | undefined): PropertyMap {
    return struct?.toJavaScript() ?? {};
}
