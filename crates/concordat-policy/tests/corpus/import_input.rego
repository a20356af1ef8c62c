# expect: 5:8 unused_import
# in: admit/own.rego
package concordat.admit

import input

hasty if input.contract.name == "a"
