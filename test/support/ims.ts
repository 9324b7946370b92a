import { registerImage } from "../../lab/ims/baseImage/register";
import type { Image } from "../../lab/ims/store";
import type { ImsLab } from "../../lab";
import { ImsClient } from "../../provider/ims/client";
import { readImsSettings } from "../../provider/ims/settings";
import { testHost, type TestHost } from "./context";
import { squashedImageRoot } from "./imageRoot";

/** An image as the service has it after an import. */
export function importImage(ims: ImsLab, name: string, change?: (folder: string) => void): Promise<Image> {
    const boot = { kernel: Buffer.from("a kernel\n"), initrd: Buffer.from("an initrd\n") };
    return registerImage(name, { rootfs: squashedImageRoot(change), ...boot }, ims);
}

/** What a stack's configuration says about a lab. */
export function imsConfig(ims: ImsLab): Record<string, string> {
    const { endpoint, clientId, clientSecret, caFile } = ims;
    return { endpoint, clientId, clientSecret, caFile };
}

/** A client as the provider process of one run has it: nothing in it is older than the run. */
export function imsClient(
    ims: ImsLab,
    overrides: Record<string, string | undefined> = {},
): { client: ImsClient; host: TestHost } {
    const host = testHost({ config: { "edge-os:ims": { ...imsConfig(ims), ...overrides } } });
    return { client: new ImsClient(readImsSettings(undefined, host), host), host };
}
