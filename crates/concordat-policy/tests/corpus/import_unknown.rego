# expect: 5:8 unknown_rule
# in: admit/own.rego
package concordat.admit

import data.concordat.comon

hasty := comon.check
