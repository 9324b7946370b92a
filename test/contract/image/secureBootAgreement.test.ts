import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { bufferDevice } from "../../../provider/image/blockDevice";
import { ImageDamage } from "../../../provider/image/check";
import { readSignedProgram } from "../../../provider/image/efi/authenticode";
import { Certificate } from "../../../provider/image/efi/certificate";
import { anchorOf } from "../../../provider/image/efi/trust";
import { debianPackage } from "../../support/debianPackages";
import { type Identities, makeCases, makeIdentities } from "../../support/efi/agreementCases";
import { issue } from "../../support/efi/authority";
import { FirmwareBench, type FirmwareVerdict } from "../../support/efi/firmware";
import { makeProgram, printing } from "../../support/efi/program";
import { sbsign } from "../../support/efi/sbsign";
import { needsTool } from "../../support/tools";

/** What the check says of a program when these certificates are enrolled. */
async function checkVerdict(program: Buffer, enrolled: readonly Buffer[]): Promise<FirmwareVerdict> {
    const trusted = enrolled.map((der) => Certificate.parse(der));
    try {
        const { signatures } = await readSignedProgram(bufferDevice(program));
        return signatures.some((signature) => anchorOf(signature, trusted)) ? "started" : "refused";
    } catch (error) {
        if (error instanceof ImageDamage) return "refused";
        throw error;
    }
}

describe("Secure Boot: what the check says and what firmware does", function () {
    this.timeout(150_000);
    let who: Identities;
    let cases: Map<string, Buffer>;
    let bench: FirmwareBench | undefined;
    let microsoft: Buffer[];

    before(async function () {
        for (const tool of [
            "qemu-system-x86_64",
            "/usr/share/OVMF/OVMF_VARS_4M.fd",
            "mkfs.vfat",
            "mcopy",
            "sbsign",
        ]) {
            needsTool(this, tool);
        }
        const shim = fs.readFileSync(
            path.join(debianPackage(this, "shim-signed"), "usr/lib/shim/shimx64.efi.signed"),
        );
        microsoft = (await readSignedProgram(bufferDevice(shim))).signatures.flatMap(({ embedded }) =>
            embedded.filter(({ isAuthority }) => isAuthority).map(({ der }) => der),
        );
        who = makeIdentities();
        cases = makeCases(who);
        cases.set("Debian's shim, signed by Microsoft", shim);
        cases.set("sbsign", sbsign(makeProgram(printing("RAN sbsign")), who.leaf));
        cases.set(
            "sbsign --addcert",
            sbsign(makeProgram(printing("RAN sbsign --addcert")), who.leaf, who.intermediate),
        );
        bench = new FirmwareBench(cases, issue("Keeper"));
    });

    after(() => bench?.remove());

    it("agree on every program, whatever is enrolled", async function () {
        const stores: readonly (readonly [string, readonly Buffer[]])[] = [
            ["nothing of it", []],
            ["an unrelated certificate", [issue("Unrelated", { ca: true }).certificate]],
            ["the root", [who.root.certificate]],
            ["the intermediate", [who.intermediate.certificate]],
            ["the leaf", [who.leaf.certificate]],
            ["leaves and odd roots", oddOnes(who)],
            ["Microsoft's", microsoft],
        ];
        const pairs: { enrolled: string; program: string; check: string; firmware: string | undefined }[] =
            [];
        const queue = [...stores];
        const firmware = bench;
        if (!firmware) throw new Error("no firmware to ask");
        const work = async (): Promise<void> => {
            for (let next = queue.shift(); next; next = queue.shift()) {
                const [enrolled, trusted] = next;
                const verdicts = await firmware.verdicts(trusted);
                for (const [program, bytes] of cases) {
                    const check = await checkVerdict(bytes, trusted);
                    pairs.push({ enrolled, program, check, firmware: verdicts.get(program) });
                }
            }
        };
        await Promise.all([work(), work()]);

        expect(pairs.filter(({ check, firmware }) => check !== firmware)).to.deep.equal([]);
        const started = pairs.filter(({ firmware }) => firmware === "started").length;
        if (this.test) this.test.title += ` (${pairs.length} pairs, ${started} of them started)`;
        // A table of refusals alone, or the other way round, would prove nothing.
        expect(started)
            .to.be.greaterThan(60)
            .and.lessThan(pairs.length - 100);
    });
});

/** Enrolled together, since each is the end of one case's chain only. */
function oddOnes(who: Identities): Buffer[] {
    const ones = [
        who.selfSigned,
        who.old,
        who.ecRoot,
        who.strangeRoot,
        who.noAuthority,
        who.last,
        who.expired,
    ];
    return [...ones, who.oneTooMany, who.strange, who.ec, who.foreignRoot].map(
        ({ certificate }) => certificate,
    );
}
