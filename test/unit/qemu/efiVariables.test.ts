import * as fs from "node:fs";
import { expect } from "chai";
import * as fc from "fast-check";
import { enrollKeys, onlyTrusting, variableNames } from "../../../provider/qemu/efiVariables";
import { EdgeError } from "../../../provider/resource/errors";
import { needsTool } from "../../support/tools";

const BLANK = "/usr/share/OVMF/OVMF_VARS_4M.fd";
const ENROLLED = "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd";

describe("Secure Boot keys in a firmware's variable file", () => {
    let blank: Buffer;
    const certificates = [Buffer.alloc(900, 1), Buffer.alloc(1301, 2)];

    before(function () {
        needsTool(this, BLANK);
        blank = fs.readFileSync(BLANK);
    });

    it("are there afterwards, and nothing else has changed", () => {
        const filled = enrollKeys(blank, onlyTrusting(certificates));
        expect(variableNames(filled)).to.deep.equal([...variableNames(blank), "db", "KEK", "PK"]);
        expect(filled.length).to.equal(blank.length);
        const changed = [...blank.keys()].filter((i) => blank[i] !== filled[i]);
        expect(changed.length).to.be.greaterThan(1000);
        expect(blank.subarray(changed[0], (changed.at(-1) ?? 0) + 1).every((byte) => byte === 0xff)).to.equal(
            true,
        );
        for (const certificate of certificates) expect(filled.includes(certificate)).to.equal(true);
    });

    it("are not put beside others", () => {
        expect(() => enrollKeys(fs.readFileSync(ENROLLED), onlyTrusting(certificates))).to.throw(
            EdgeError,
            /has keys already \(.*PK.*\)/,
        );
    });

    it("are refused when they do not fit, or when there are none", () => {
        expect(() => enrollKeys(blank, onlyTrusting([Buffer.alloc(300_000)]))).to.throw(
            EdgeError,
            /do not fit/,
        );
        expect(() => onlyTrusting([])).to.throw(EdgeError, /at least one/);
    });

    it("are never written into a file that is damaged or something else", () => {
        expect(() => enrollKeys(Buffer.alloc(100_000), onlyTrusting(certificates))).to.throw(
            EdgeError,
            /no firmware volume/,
        );
        const end = 72 + 28;
        fc.assert(
            fc.property(fc.nat(end - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
                const damaged = Buffer.from(blank);
                damaged[at] = (damaged[at] ?? 0) ^ change;
                try {
                    enrollKeys(damaged, onlyTrusting(certificates));
                } catch (error) {
                    return error instanceof EdgeError;
                }
                // Reserved fields, and sizes that are still sound.
                return at >= 72 + 16;
            }),
            { numRuns: 500 },
        );
        expect(() => enrollKeys(blank.subarray(0, 1000), onlyTrusting(certificates))).to.throw(EdgeError);
    });
});
