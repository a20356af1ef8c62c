# expect: 7:16 unknown_input
# in: admit/own.rego
package concordat.admit

import input.contract as asked

hasty if asked.nmae == "a"
