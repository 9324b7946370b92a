import { expect } from "chai";
import { Crypter, passphraseFrom, WrongPassphraseError } from "../../../lab/engine/secrets";

// Made by the Pulumi CLI 3.259.0 with the passphrase "x".
const CLI_SALT = "v1:3AgNb0VQ7kY=:v1:oiyciVM/OEQPY5rf:lRvC9WvHE1EV0+dmw4Jx+fznqamVOA==";
const CLI_SECRET = "v1:5G+TTwSKH09hiVqw:yLiHFen203U1rbCzACO7NTnjgjs=";

describe("engine secrets", () => {
    it("opens what the CLI has encrypted", () => {
        expect(Crypter.open("x", CLI_SALT).decrypt(CLI_SECRET)).to.equal("s3cr");
    });

    it("refuses another passphrase without naming it", () => {
        expect(() => Crypter.open("wrong-one", CLI_SALT))
            .to.throw(WrongPassphraseError)
            .with.property("message")
            .that.does.not.include("wrong-one");
    });

    it("opens its own salt line again, and encrypts the same text differently each time", () => {
        const crypter = Crypter.create("");
        const [one, two] = [crypter.encrypt("höhe"), crypter.encrypt("höhe")];
        expect(one).to.not.equal(two);
        const again = Crypter.open("", crypter.salt);
        expect(again.decrypt(one)).to.equal("höhe");
        expect(again.decrypt(two)).to.equal("höhe");
    });

    it("finds an altered ciphertext", () => {
        const crypter = Crypter.open("x", CLI_SALT);
        const altered = CLI_SECRET.replace("yLi", "yLj");
        expect(() => crypter.decrypt(altered)).to.throw();
        expect(() => crypter.decrypt("clear")).to.throw("not of the form");
        expect(() => Crypter.open("x", "v2:a:b")).to.throw("not of the form");
    });

    it("takes the passphrase from the environment or a file, and asks for one", () => {
        const file = (): string => "from file\n";
        expect(passphraseFrom({ PULUMI_CONFIG_PASSPHRASE: "" }, file)).to.equal("");
        expect(passphraseFrom({ PULUMI_CONFIG_PASSPHRASE_FILE: "f" }, file)).to.equal("from file");
        expect(() => passphraseFrom({}, file)).to.throw("Set PULUMI_CONFIG_PASSPHRASE");
    });
});
