# expect: 7:14 unknown_rule
# in: admit/own.rego
package concordat.admit

import data.concordat.common

hasty if not common.approve
