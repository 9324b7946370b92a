import { expect } from "chai";
import { TrapLab } from "../../support/traps";

const GATEWAY = "request body has an error: doesn't match schema #/components/schemas/";
const STRICT_END = "\nSchema:\n  null\n\nValue:\n  null\n";

/** Inputs that no recording has, with what follows from the API description by the recorded forms. */
describe("the words in which the lab refuses what the API description does not allow", () => {
    let traps: TrapLab;
    before(async () => {
        traps = await TrapLab.start({ workers: false });
    });
    after(() => traps[Symbol.asyncDispose]());

    for (const { method = "POST", path, body, says } of [
        {
            path: "sites",
            body: { name: "s", siteLng: -1_800_000_001 },
            says: `${GATEWAY}SiteResource: Error at "/siteLng": number must be at least -1.8e+09`,
        },
        {
            path: "regions",
            body: { name: "r", metadata: {} },
            says: `${GATEWAY}RegionResource: Error at "/metadata": value must be an array`,
        },
        {
            path: "regions",
            body: { name: "r", metadata: [{ key: "a" }] },
            says: `${GATEWAY}RegionResource: Error at "/metadata/0/value": property "value" is missing`,
        },
        {
            path: "compute/os",
            body: { sha256: "0".repeat(64), osProvider: 1 },
            says: `${GATEWAY}OperatingSystemResource: Error at "/osProvider": value is not one of the allowed values ["OS_PROVIDER_KIND_UNSPECIFIED","OS_PROVIDER_KIND_INFRA","OS_PROVIDER_KIND_LENOVO"]`,
        },
        {
            path: "compute/os",
            body: { name: "n".repeat(129), nosuch: 1, architecture: "" },
            says: `${GATEWAY}OperatingSystemResource: Error at "/name": maximum string length is 128`,
        },
        {
            path: "customConfigs",
            body: { name: "Upper", config: "x" },
            says: `${GATEWAY}CustomConfigResource: Error at "/name": string doesn't match the regular expression "^[a-z][a-z0-9-]{0,31}$"`,
        },
        {
            path: "compute/hosts/register",
            body: { serialNumber: "AB-CD", name: "n".repeat(1021), autoOnboard: null },
            says: [
                `error at "/name": at '/name': maxLength: got 1,021, want 20`,
                `error at "/serialNumber": at '/serialNumber': 'AB-CD' does not match pattern '^([A-Za-z0-9]{5,20})?$'`,
                `error at "/autoOnboard": at '/autoOnboard': got null, want boolean`,
            ],
        },
        {
            method: "GET",
            path: "regions?offset=20000",
            says: [`at '': maximum: got 20,000, want 10,000`],
        },
    ]) {
        it(`${method} ${path} ${JSON.stringify(body ?? "").slice(0, 60)}`, async () => {
            const text = await traps.refused(400, method, path, body);
            const { message } = JSON.parse(text) as { message: string };
            if (typeof says === "string") expect(message).to.equal(says);
            else {
                expect(message.split(" | ")).to.have.members(says.map((fault) => `${fault}${STRICT_END}`));
            }
        });
    }
});
