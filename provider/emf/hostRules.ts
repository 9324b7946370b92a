/** What EMF allows in the fields of a host: shared by the resource's schema and the CSV reader, and free of both. */

export const SERIAL = /^[A-Za-z0-9]{5,20}$/;
export const SERIAL_RULE = "must be 5 to 20 letters and digits";

export const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
export const UUID_RULE = "must be a UUID such as 4c4c4544-0051-3010-8034-b6c04f4e3233";

/** Host names; the same characters in profile and site names are wider, so names there are only looked up. */
export const HOST_NAME = /^[a-zA-Z\-_0-9./: ]+$/;
export const HOST_NAME_MAX = 50;
export const HOST_NAME_RULE = `must be 1 to ${HOST_NAME_MAX} letters, digits, blanks and - _ . / :`;

const METADATA_KEY =
    /^(?:[a-z.]+\/(?:[a-z0-9]|[a-z0-9][a-z0-9\-_.]*[a-z0-9])|[a-z]|[a-z0-9][a-z0-9\-_.]*[a-z0-9])$/;
const METADATA_VALUE = /^(?:[a-z0-9]|[a-z0-9][a-z0-9._-]*[a-z0-9])?$/;
const METADATA_KEY_MAX = 316;
const METADATA_VALUE_MAX = 63;
/** EMF takes 100 items; one is this package's claim. */
export const METADATA_ITEMS_MAX = 99;

/** What is wrong with one item of metadata, if anything. */
export function metadataProblem(key: string, value: string): string | undefined {
    if (key.length > METADATA_KEY_MAX || !METADATA_KEY.test(key)) {
        return (
            `metadata key ${JSON.stringify(key)} must be lower-case letters, digits and - _ . , ` +
            "beginning and ending with a letter or digit (a single character: a letter); " +
            "a prefix such as example.com/ may stand in front"
        );
    }
    if (value.length > METADATA_VALUE_MAX || !METADATA_VALUE.test(value)) {
        return (
            `metadata ${key}=${JSON.stringify(value)}: the value must be at most ${METADATA_VALUE_MAX} lower-case ` +
            "letters, digits and . _ - , beginning and ending with a letter or digit"
        );
    }
    return undefined;
}

/** Serial or, without one, UUID: how messages and rows name a device. */
export function deviceLabel(device: { serial?: string | undefined; uuid?: string | undefined }): string {
    return device.serial ?? device.uuid ?? "(no serial, no UUID)";
}

/** Whether two descriptions can mean one machine: nothing that both give differs. */
export function sameText(a: string | undefined, b: string | undefined): boolean {
    return (a ?? "").toLowerCase() === (b ?? "").toLowerCase();
}
