# expect: 10:28 unknown_input
# in: shared/shared.rego
# also admit/own.rego: package concordat.admit\n\nhasty if data.concordat.shared.prepared\n
# also dispatch/own.rego: package concordat.dispatch\n\nhasty if data.concordat.shared.prepared\n
package concordat.shared


prepared if input.candidates

prepared if input.contract.nmae
