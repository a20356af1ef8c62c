# expect: 7:10 unknown_function
# in: admit/own.rego
package concordat.admit

import data.concordat.common

hasty := common.jugde(set(), true)
